import pytest

from services.notifier.domain.quarantine import (
    TRANSITIONS,
    Closed,
    Now,
    Outcome,
    RecordState,
    conclude,
    four_eyes,
    is_open,
)

S, Out = RecordState, Outcome

EXPECTED = {
    (S.OPEN, Out.TOOK_EFFECT): S.RETRIED,
    (S.OPEN, Out.FILLED): S.REPLACED,
    (S.OPEN, Out.DISMISSED): S.SKIPPED,
    (S.OPEN, Out.NOT_UNDERSTOOD): S.OPEN,
    (S.OPEN, Out.CONTRADICTED): S.OPEN,
    (S.OPEN, Out.SOURCE_AWAY): S.OPEN,
}


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("outcome", Outcome)
def test_each_outcome_leads_where_the_table_says_and_nowhere_from_a_closed_record(state: RecordState, outcome: Outcome) -> None:
    after = conclude(state, outcome)

    expected = EXPECTED.get((state, outcome))
    assert after == (Closed(state) if expected is None else Now(expected))


def test_every_state_is_in_the_table_and_only_an_open_record_takes_a_try() -> None:
    assert set(TRANSITIONS) == set(S)
    assert [state for state in S if is_open(state)] == [S.OPEN]


@pytest.mark.parametrize(
    ("approvers", "enough"),
    [((), False), (("asha",), False), (("asha", "Asha"), False), (("a  sha", "A sha"), False), (("asha", "bo"), True)],
)
def test_four_eyes_are_two_different_people(approvers: tuple[str, ...], *, enough: bool) -> None:
    assert four_eyes(approvers) is enough


def test_a_closed_record_says_how_it_was_closed() -> None:
    assert str(Closed(S.SKIPPED)) == "the record is closed: it was skipped"
