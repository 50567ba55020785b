from datetime import timedelta

import pytest

from services.notifier.domain.enforcement import (
    LEADS_TO,
    TRANSITIONS,
    Changed,
    Enforcement,
    EnforcementFact,
    EnforcementState,
    Moved,
    Refused,
    Report,
    Stale,
    Unchanged,
    answer,
    open_to,
    step,
)
from shared.ids import PointId
from tests.unit.notifier.builders import AT, after, key

S, F = EnforcementState, EnforcementFact

LEGAL = {
    (S.PENDING, F.APPLIED): S.APPLIED,
    (S.PENDING, F.FAILED): S.FAILED,
    (S.PENDING, F.TIME_RAN_OUT): S.OVERDUE,
    (S.PENDING, F.OVERTAKEN): S.SUPERSEDED,
    (S.FAILED, F.APPLIED): S.APPLIED,
    (S.FAILED, F.OVERTAKEN): S.SUPERSEDED,
    (S.OVERDUE, F.APPLIED): S.APPLIED,
    (S.OVERDUE, F.FAILED): S.FAILED,
    (S.OVERDUE, F.OVERTAKEN): S.SUPERSEDED,
    (S.APPLIED, F.REVERTED): S.REVERTED,
    (S.REVERTED, F.APPLIED): S.APPLIED,
    (S.REVERTED, F.OVERTAKEN): S.SUPERSEDED,
}
REPEATED = {
    (S.APPLIED, F.APPLIED),
    (S.FAILED, F.FAILED),
    (S.REVERTED, F.REVERTED),
    (S.OVERDUE, F.TIME_RAN_OUT),
    (S.SUPERSEDED, F.OVERTAKEN),
}
PAIRS = [(state, fact) for state in S for fact in F]


@pytest.mark.parametrize(("state", "fact"), PAIRS)
def test_every_fact_in_every_state(state: EnforcementState, fact: EnforcementFact) -> None:
    outcome = step(state, fact)

    if (state, fact) in LEGAL:
        assert outcome == Moved(LEGAL[state, fact])
    elif (state, fact) in REPEATED:
        assert outcome == Unchanged()
    else:
        assert outcome == Refused(state, fact)


def test_the_table_and_the_words_are_complete() -> None:
    assert set(TRANSITIONS) == set(S)
    assert set(LEADS_TO) == set(F)
    assert all(LEADS_TO[fact] is state for facts in TRANSITIONS.values() for fact, state in facts.items())


def test_a_refusal_names_the_state_and_the_fact() -> None:
    assert str(Refused(S.PENDING, F.REVERTED)) == "'reverted' is not possible while the enforcement is 'pending'"


def test_statements_that_move_many_rows_ask_the_same_table() -> None:
    assert set(open_to(F.OVERTAKEN)) == {S.PENDING, S.FAILED, S.OVERDUE, S.REVERTED}
    assert set(open_to(F.TIME_RAN_OUT)) == {S.PENDING}


def enforcement(state: EnforcementState, **other: object) -> Enforcement:
    values = {"reported_at": AT} | other
    return Enforcement(point=PointId("search"), key=key(), version=1, state=state, current=True, since=AT, **values)  # type: ignore[arg-type]


def reported(fact: EnforcementFact, seconds: float = 10) -> Report:
    return Report(point=PointId("search"), key=key(), version=1, fact=fact, at=after(seconds), detail="why")


REPORTS = [(state, fact) for state in S for fact in (F.APPLIED, F.FAILED, F.REVERTED)]


@pytest.mark.parametrize(("state", "fact"), REPORTS)
@pytest.mark.fault(41)
def test_every_report_in_every_state(state: EnforcementState, fact: EnforcementFact) -> None:
    before = enforcement(state)

    outcome = answer(before, reported(fact))

    if (state, fact) in LEGAL:
        assert isinstance(outcome, Changed)
        assert (outcome.after.state, outcome.after.reported_at, outcome.after.detail) == (LEGAL[state, fact], after(10), "why")
    else:
        assert isinstance(outcome, Unchanged | Refused)
    assert before == enforcement(state)


def test_the_first_application_is_the_one_that_is_kept() -> None:
    first = answer(enforcement(S.PENDING, reported_at=None), reported(F.APPLIED, 1))
    assert isinstance(first, Changed)
    reverted = answer(first.after, reported(F.REVERTED, 2))
    assert isinstance(reverted, Changed)

    again = answer(reverted.after, reported(F.APPLIED, 3))

    assert isinstance(again, Changed)
    assert again.after.applied_at == after(1)


@pytest.mark.parametrize(("state", "fact"), [(S.APPLIED, F.REVERTED), (S.REVERTED, F.APPLIED)])
def test_a_late_copy_of_an_older_report_does_not_turn_the_circle_back(state: EnforcementState, fact: EnforcementFact) -> None:
    assert answer(enforcement(state), reported(fact, -1)) == Stale()


def test_an_older_report_counts_where_there_is_no_circle() -> None:
    """The clocks of two instances of one point may differ: what was applied at last is applied."""
    outcome = answer(enforcement(S.FAILED), reported(F.APPLIED, -timedelta(hours=1).total_seconds()))

    assert isinstance(outcome, Changed)
