"""What is told of a clock: the difference between how it stood and how it stands."""

from collections.abc import Mapping
from enum import StrEnum

from services.notifier.domain.clocks import DONE, Clock, ClockState, Trigger


class Change(StrEnum):
    """What is told of a clock."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    EXTENDED = "extended"
    WARNED = "warned"
    BREACHED = "breached"
    MET = "met"


def changes(before: Clock | None, after: Clock) -> list[Change]:
    """What became of a clock, in the order in which it did."""
    same = before is not None and before.run == after.run
    past = before if same else None
    found = [
        (_set_anew(before, after), not same),
        (Change.RESUMED, past is not None and _resumed(past, after)),
        (Change.PAUSED, after.state is ClockState.PAUSED and (past is None or past.state is not ClockState.PAUSED)),
        (Change.WARNED, after.warned > (past.warned if past else 0)),
        (Change.BREACHED, after.breached_at is not None and (past is None or past.breached_at is None)),
        (Change.MET, after.state in DONE and (past is None or past.state not in DONE)),
    ]
    return [change for change, holds in found if holds]


def _set_anew(before: Clock | None, after: Clock) -> Change:
    if before is None or before.state in DONE:
        return Change.STARTED
    return _AGAIN.get(after.trigger, Change.EXTENDED)


def _resumed(past: Clock, after: Clock) -> bool:
    ended = past.state is ClockState.PAUSED and after.state is ClockState.RUNNING
    return ended or after.paused > past.paused


_AGAIN: Mapping[Trigger, Change] = {Trigger.CLARIFICATION: Change.RESUMED}
