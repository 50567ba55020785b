import pytest

from services.blocklist.domain.validity import AskClarification, Complete, IfMissing, Reject, Verdict, judge

REQUIRED = {"statement_of_reasons": IfMissing.CLARIFY, "redress": IfMissing.CLARIFY, "signature": IfMissing.REJECT}


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        pytest.param(set(REQUIRED), Complete(), id="all there"),
        pytest.param({*REQUIRED, "language"}, Complete(), id="more than is asked"),
        pytest.param({"statement_of_reasons", "signature"}, AskClarification(("redress",)), id="one to be asked for"),
        pytest.param({"redress", "statement_of_reasons"}, Reject(("signature",)), id="one without which it is none"),
        pytest.param(set(), Reject(("statement_of_reasons", "redress", "signature")), id="nothing at all"),
    ],
)
def test_the_verdict_names_all_that_is_missing_in_the_order_of_the_regime(given: set[str], verdict: Verdict) -> None:
    assert judge(REQUIRED, given) == verdict


def test_an_order_under_a_law_that_requires_nothing_is_complete() -> None:
    assert judge({}, set()) == Complete()
