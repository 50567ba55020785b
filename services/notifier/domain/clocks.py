"""Clocks: a duty, when it falls due, and how it stands. Pure: *now* is passed in."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Duty(StrEnum):
    """The duties that the notifier can judge from what it learns."""

    ACK = "ack"
    RESTRICT = "restrict"
    REPLY = "reply"


MET_BY_A_REPLY = (Duty.ACK, Duty.REPLY)


class ClockState(StrEnum):
    """BREACHED is unmet still; one that is met after its time is MET_LATE, and stays so."""

    RUNNING = "running"
    MET = "met"
    BREACHED = "breached"
    MET_LATE = "met_late"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """`breached_at` is when a breach was recorded, once. A duty that is not `verified` is shown, and never breached."""

    duty: Duty
    starts_at: datetime
    due_at: datetime
    verified: bool
    met_at: datetime | None = None
    breached_at: datetime | None = None


ASKED_FOR_BY = {"non_compliance": Duty.RESTRICT, "reminder": Duty.RESTRICT, "clarification": Duty.REPLY, "hearing": Duty.REPLY}
"""What each kind of notice wants by its deadline."""


def clock_of_notice(kind: str, received_at: datetime, due_at: datetime | None) -> Clock | None:
    """The clock that a notice sets; None if it names no deadline, or is of a kind that nobody here knows."""
    duty = ASKED_FOR_BY.get(kind)
    if duty is None or due_at is None:
        return None
    return Clock(duty=duty, starts_at=received_at, due_at=due_at, verified=True)


def clock_state(clock: Clock, *, now: datetime) -> ClockState:
    if not clock.verified:
        return ClockState.RUNNING if clock.met_at is None else ClockState.MET
    if clock.met_at is not None:
        return ClockState.MET if clock.met_at <= clock.due_at else ClockState.MET_LATE
    return ClockState.BREACHED if clock.breached_at or now >= clock.due_at else ClockState.RUNNING
