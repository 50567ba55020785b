"""An appeal of somebody affected, as a table. It is concluded once."""

from collections.abc import Mapping
from enum import StrEnum

from services.blocklist.domain.directive import NoTransition


class AppealState(StrEnum):
    RECEIVED = "received"
    UPHELD = "upheld"
    REJECTED = "rejected"


class AppealOutcome(StrEnum):
    """Upheld ends the directive's claim on the target; rejected changes nothing."""

    UPHELD = "upheld"
    REJECTED = "rejected"


TRANSITIONS: Mapping[AppealState, Mapping[AppealOutcome, AppealState]] = {
    AppealState.RECEIVED: {
        AppealOutcome.UPHELD: AppealState.UPHELD,
        AppealOutcome.REJECTED: AppealState.REJECTED,
    },
    AppealState.UPHELD: {},
    AppealState.REJECTED: {},
}


def conclude(state: AppealState, outcome: AppealOutcome) -> AppealState | NoTransition:
    return TRANSITIONS[state].get(outcome) or NoTransition(state, outcome)
