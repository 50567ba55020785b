"""Penalties in words: exact sums in their currency, and nothing that the provision does not state."""

import pytest

from shared.registry import Penalty, exposure_text, money, per_day_text
from shared.registry.table import Currency


def make_penalty(
    *, fine: str | None = None, fine_max: int | None = None, per_day: int | None = None, measures: str | None = None
) -> Penalty:
    return Penalty(
        provision="s.9",
        at_risk=("the provider",),
        verified=True,
        source="An Act",
        fine=fine,
        fine_max_minor=fine_max,
        currency=Currency("SGD") if fine_max or per_day else None,
        per_day_minor=per_day,
        measures=measures,
    )


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (1, "EUR", "EUR 0.01"),
        (100, "EUR", "EUR 1"),
        (1_000_050, "SGD", "SGD 10,000.50"),
        (5_000_000, "JPY", "JPY 5,000,000"),
        (1_500, "KWD", "KWD 1.500"),
        (12_345, "CLF", "CLF 1.2345"),
    ],
)
def test_an_amount_is_written_with_the_decimals_of_its_currency(minor: int, currency: str, text: str) -> None:
    assert money(minor, currency) == text


@pytest.mark.parametrize(
    ("penalty", "text", "per_day"),
    [
        (make_penalty(fine="fine"), "fine", None),
        (make_penalty(fine_max=50_000_000), "fine up to SGD 500,000", None),
        (make_penalty(per_day=10_000_000), "SGD 100,000 per day", "SGD 100,000 per day"),
        (
            make_penalty(fine_max=100_000_000, per_day=10_000_000),
            "fine up to SGD 1,000,000 and SGD 100,000 per day",
            "SGD 100,000 per day",
        ),
        (make_penalty(fine="fine on conviction", fine_max=100), "fine on conviction", None),
        (make_penalty(measures="blocking of the platform"), "blocking of the platform", None),
        (make_penalty(fine="fine", measures="blocking"), "fine and blocking", None),
    ],
)
def test_a_sum_is_said_only_where_the_provision_states_one(penalty: Penalty, text: str, per_day: str | None) -> None:
    assert (exposure_text(penalty), per_day_text(penalty)) == (text, per_day)
