"""The ledger of exposure: what is unmet, since when, under which clause, and what accrues."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.exposure import NOTICED, RELEASED, Exposure, Threat, Unmet, exposure, together
from tests.unit.notifier.builders import after

DAY = 24 * 60 * 60


def threat(provision: str = "s.9", *, per_day: int | None = None, at_risk: tuple[str, ...] = ("the provider",)) -> Threat:
    return Threat(
        provision=provision,
        maximum="fine",
        at_risk=at_risk,
        verified=True,
        source="An Act",
        per_day=f"SGD {per_day} per day" if per_day else None,
        per_day_minor=per_day,
        currency="SGD" if per_day else None,
    )


def unmet(what: str = "restrict", *, days: float = 0) -> Unmet:
    return Unmet(what=what, since=after(days * DAY))


def make(
    *threats: Threat,
    items: int = 1,
    since: tuple[Unmet, ...] = (),
    days: float = 0,
    cited: tuple[str, ...] = (),
    basis: str = "xa-act",
) -> Exposure:
    """As it stands so many days after AT."""
    return exposure(basis, threats, unmet_items=items, unmet=since, cited=cited, now=after(days * DAY))


@pytest.mark.parametrize(
    ("days", "whole", "accrued"),
    [(-1, 0, 0), (0, 0, 0), (0.999, 0, 0), (1, 1, 100), (1.5, 1, 100), (30, 30, 3000)],
)
def test_a_sum_per_day_accrues_for_each_whole_day_since_the_breach(days: float, whole: int, accrued: int) -> None:
    (clause,) = make(threat(per_day=100), since=(unmet(),), days=days).clauses

    assert (clause.days, clause.accrued_minor) == (whole, accrued)


def test_where_the_clause_states_no_sum_per_day_none_accrues() -> None:
    (clause,) = make(threat(), since=(unmet(),), days=30).clauses

    assert (clause.days, clause.accrued_minor) == (30, None)


def test_what_is_unmet_while_its_time_runs_threatens_and_accrues_nothing() -> None:
    found = make(threat(per_day=100), items=3, days=30)

    assert (found.open, found.since, found.unmet_items) == (True, None, 3)
    assert [(clause.days, clause.accrued_minor) for clause in found.clauses] == [(0, 0)]


def test_it_counts_from_the_first_of_what_is_unmet() -> None:
    kinds = (unmet(NOTICED, days=3), unmet("restrict", days=2), unmet(RELEASED, days=5))

    found = make(threat(per_day=100), since=kinds, days=10)

    assert [each.what for each in found.unmet] == ["restrict", NOTICED, RELEASED]
    assert found.since == after(2 * DAY)
    assert found.clauses[0].accrued_minor == 800


def test_a_silence_is_unmet_though_every_item_is_met() -> None:
    assert make(threat(), items=0, since=(unmet("ack"),)).open


def test_nothing_unmet_leaves_the_threat_and_opens_nothing() -> None:
    found = make(threat(), items=0)

    assert (found.open, found.since) == (False, None)
    assert found.first is not None


@pytest.mark.parametrize(
    ("cited", "named"),
    [((), []), (("s.9",), ["s.9"]), ((" S. 9 ",), ["s.9"]), (("s.10", "s.9(2)"), ["s.9(2)"]), (("s.1",), [])],
)
def test_a_notice_names_a_clause_however_it_writes_it(cited: tuple[str, ...], named: list[str]) -> None:
    found = make(threat("s.9"), threat("s.9(2)"), cited=cited)

    assert [clause.threat.provision for clause in found.clauses if clause.cited] == named


def test_each_role_is_named_once_in_the_order_of_the_clauses() -> None:
    found = make(threat(at_risk=("the provider", "its officers")), threat("s.10", at_risk=("its agent", "the provider")))

    assert found.at_risk == ("the provider", "its officers", "its agent")


def test_a_law_without_a_penalty_threatens_nothing() -> None:
    found = make(items=2, since=(unmet(),), days=9)

    assert (found.first, found.clauses, found.at_risk, found.unmet_items) == (None, (), (), 2)


def test_exposures_under_one_law_add_up() -> None:
    first = make(threat(per_day=100), items=2, since=(unmet(days=1), unmet(NOTICED, days=4)), days=10, cited=("s.9",))
    second = make(threat(per_day=100), items=3, since=(unmet(days=3),), days=10)

    (both,) = together([second, first])

    assert (both.unmet_items, both.since) == (5, after(DAY))
    assert both.unmet == (unmet(days=1), unmet(NOTICED, days=4))
    (clause,) = both.clauses
    assert (clause.accrued_minor, clause.days, clause.cited) == (100 * (9 + 7), 9, True)


def test_exposures_under_different_laws_or_versions_stay_apart() -> None:
    exposures = [
        make(threat("s.9"), basis="xb"),
        make(threat("s.8"), basis="xa"),
        make(threat("s.9"), basis="xa"),
        make(basis="xa"),
    ]

    found = [(each.legal_basis, [clause.threat.provision for clause in each.clauses]) for each in together(exposures)]

    assert found == [("xa", ["s.8"]), ("xa", ["s.9"]), ("xa", []), ("xb", ["s.9"])]


def test_what_states_no_sum_adds_up_to_none() -> None:
    (both,) = together([make(threat(), since=(unmet(),), days=9)] * 2)

    assert both.clauses[0].accrued_minor is None


def test_nothing_adds_up_to_nothing() -> None:
    assert together([]) == []


_INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_UNMET = st.builds(Unmet, what=st.sampled_from(["ack", "restrict", NOTICED, RELEASED]), since=_INSTANTS)


@given(
    since=st.lists(_UNMET, max_size=4),
    per_day=st.none() | st.integers(1, 10**12),
    now=_INSTANTS,
    later=st.timedeltas(timedelta(), timedelta(days=400)),
)
def test_what_accrues_is_so_much_for_each_day_and_never_less_with_time(
    since: list[Unmet], per_day: int | None, now: datetime, later: timedelta
) -> None:
    threats = [threat(per_day=per_day)]
    before, then = (
        exposure("xa-act", threats, unmet_items=1, unmet=since, cited=(), now=at).clauses[0] for at in (now, now + later)
    )

    for clause in (before, then):
        assert clause.accrued_minor == (None if per_day is None else per_day * clause.days)
    assert 0 <= before.days <= then.days
