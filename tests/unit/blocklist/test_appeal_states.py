import pytest

from services.blocklist.domain.appeal import TRANSITIONS, AppealOutcome, AppealState, conclude
from services.blocklist.domain.directive import NoTransition


@pytest.mark.parametrize("outcome", AppealOutcome)
@pytest.mark.parametrize("state", AppealState)
def test_an_appeal_is_concluded_once(state: AppealState, outcome: AppealOutcome) -> None:
    reached = conclude(state, outcome)

    if state is AppealState.RECEIVED:
        assert reached == AppealState(outcome.value)
    else:
        assert reached == NoTransition(state, outcome)


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(AppealState)
