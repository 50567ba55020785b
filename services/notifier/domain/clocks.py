"""Clocks: a duty, when it falls due, and how it stands, as a table: state → {fact: state}. Pure: *now* is passed in.

What the table does not list changes nothing. A clock that stands still keeps what was left; one that is set anew forgets how it
stood before, for that counted for the time before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Duty(StrEnum):
    """What has to be done by a time. RELEASE is our own promise: points stop to withhold what nobody claims any more."""

    ACK = "ack"
    RESTRICT = "restrict"
    REPLY = "reply"
    INFORM_USER = "inform_user"
    RETAIN = "retain"
    LAPSE = "lapse"
    RELEASE = "release"


MET_BY_A_REPLY = (Duty.ACK, Duty.REPLY)
MET_BY_ITEMS = (Duty.RESTRICT, Duty.RELEASE)
"""Duties whose end is seen in what became of the items, and not in an event."""

TOLD = (*MET_BY_A_REPLY, Duty.INFORM_USER)
"""Duties whose end an event tells: without one they were not done."""

ALARMED = (Duty.ACK, Duty.RESTRICT, Duty.REPLY, Duty.INFORM_USER, Duty.RELEASE)
"""Duties that can be breached. What is retained or lapses does so by time alone."""


class Trigger(StrEnum):
    """What started a clock."""

    RECEIPT = "receipt"
    ISSUE = "issue"
    CLARIFICATION = "clarification"
    NOTICE = "notice"
    ORDER = "order"
    RELEASE = "release"


class ClockState(StrEnum):
    """BREACHED is unmet still; one that is met after its time is MET_LATE, and stays so. VOID: the directive ended before."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    MET_LATE = "met_late"
    VOID = "void"


class ClockFact(StrEnum):
    """MEET is in time, whenever it is learnt. RESTART gives the whole time again, EXTEND another one."""

    PAUSE = "pause"
    RESUME = "resume"
    RESTART = "restart"
    EXTEND = "extend"
    MEET = "meet"
    MEET_LATE = "meet_late"
    RUN_OUT = "run_out"
    VOID = "void"


_S, _F = ClockState, ClockFact

TRANSITIONS: Mapping[ClockState, Mapping[ClockFact, ClockState]] = {
    _S.RUNNING: {
        _F.PAUSE: _S.PAUSED,
        _F.EXTEND: _S.RUNNING,
        _F.MEET: _S.MET,
        _F.RUN_OUT: _S.BREACHED,
        _F.VOID: _S.VOID,
    },
    _S.PAUSED: {
        _F.RESUME: _S.RUNNING,
        _F.RESTART: _S.RUNNING,
        _F.EXTEND: _S.RUNNING,
        _F.MEET: _S.MET,
        _F.VOID: _S.VOID,
    },
    _S.MET: {_F.RESTART: _S.RUNNING, _F.EXTEND: _S.RUNNING},
    _S.BREACHED: {_F.EXTEND: _S.RUNNING, _F.MEET: _S.MET, _F.MEET_LATE: _S.MET_LATE, _F.VOID: _S.VOID},
    _S.MET_LATE: {_F.RESTART: _S.RUNNING, _F.EXTEND: _S.RUNNING},
    _S.VOID: {},
}

OPEN = (_S.RUNNING, _S.PAUSED, _S.BREACHED)
DONE = (_S.MET, _S.MET_LATE)

WARN_AT = (50, 80)
"""Percent of a clock's time, pauses not counted."""

_NONE = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """`breached_at` is when a breach was recorded, once; `warned` the last percentage that was warned of.

    While it is paused, `due_at` is the time that held when it was. A duty that is not `verified` is shown, and never breached.
    """

    duty: Duty
    trigger: Trigger
    starts_at: datetime
    due_at: datetime
    verified: bool
    pausable: bool = False
    source: str | None = None
    state: ClockState = ClockState.RUNNING
    met_at: datetime | None = None
    breached_at: datetime | None = None
    paused_at: datetime | None = None
    paused: timedelta = _NONE
    warned: int = 0

    @property
    def length(self) -> timedelta:
        """All the time that it gives, pauses not counted."""
        return self.due_at - self.starts_at - self.paused

    @property
    def run(self) -> tuple[Trigger, datetime, timedelta]:
        """What tells that it is still the same one, and was not set anew."""
        return self.trigger, self.starts_at, self.length

    @property
    def left(self) -> timedelta | None:
        """What it keeps while it is paused."""
        return None if self.paused_at is None else self.due_at - self.paused_at

    @property
    def alarmed(self) -> bool:
        return self.verified and self.duty in ALARMED


def pause(clock: Clock, at: datetime) -> Clock:
    """Nothing is left to keep of a clock whose time was up."""
    return clock if at >= clock.due_at else _moved(clock, ClockFact.PAUSE, paused_at=at)


def resume(clock: Clock, at: datetime) -> Clock:
    """Runs again with what was left: it falls due later by as long as it stood still."""
    stood = _NONE if clock.paused_at is None else max(_NONE, at - clock.paused_at)
    return _moved(clock, ClockFact.RESUME, due_at=clock.due_at + stood, paused=clock.paused + stood, paused_at=None)


def restart(clock: Clock, fresh: Clock) -> Clock:
    """`fresh` in its place, with its whole time."""
    return _replaced(clock, ClockFact.RESTART, fresh)


def extend(clock: Clock, fresh: Clock) -> Clock:
    """`fresh` in its place, with the time that a notice sets."""
    return _replaced(clock, ClockFact.EXTEND, fresh)


def meet(clock: Clock, at: datetime, *, now: datetime) -> Clock:
    """Done at that time, which may be learnt later. What was done late ran out before, whoever noticed that."""
    if not clock.alarmed or clock.paused_at is not None or at <= clock.due_at:
        return _moved(clock, ClockFact.MEET, met_at=at, paused_at=None)
    return _moved(run_out(clock, now=now), ClockFact.MEET_LATE, met_at=at)


def void(clock: Clock, at: datetime, *, now: datetime) -> Clock:
    """The directive ended then. A silence that was too long before that stays a breach; items are judged where they are seen."""
    late = clock.alarmed and clock.duty in TOLD and clock.due_at < at
    return _moved(run_out(clock, now=now) if late else clock, ClockFact.VOID, paused_at=None)


def run_out(clock: Clock, *, now: datetime) -> Clock:
    """Its time is up. What had to be kept until then has been kept."""
    if clock.duty is Duty.RETAIN:
        return _moved(clock, ClockFact.MEET, met_at=clock.due_at)
    return _moved(clock, ClockFact.RUN_OUT, breached_at=now)


def tick(clock: Clock, *, now: datetime, settled_at: datetime | None = None) -> Clock:
    """What time makes of it, if its items were `settled_at`: the gravest alone, a breach and not the warnings before it."""
    settled = clock if settled_at is None else meet(clock, max(settled_at, clock.starts_at), now=now)
    if settled is not clock:
        return settled
    if clock.state is not ClockState.RUNNING or not _ends_by_itself(clock):
        return clock
    if now >= clock.due_at:
        return run_out(clock, now=now)
    return replace(clock, warned=max([clock.warned, *(each for each in _warnings(clock) if _moment(clock, each) <= now)]))


def next_at(clock: Clock) -> datetime | None:
    """The next moment at which time alone makes something of it; None if nothing."""
    if clock.state is not ClockState.RUNNING or not _ends_by_itself(clock):
        return None
    return min([clock.due_at, *(_moment(clock, each) for each in _warnings(clock) if each > clock.warned)])


def state_at(clock: Clock, now: datetime) -> ClockState:
    """How it stands, also before anybody has recorded that its time is up."""
    return tick(clock, now=now).state


def _ends_by_itself(clock: Clock) -> bool:
    return clock.alarmed or clock.duty is Duty.RETAIN


def _warnings(clock: Clock) -> tuple[int, ...]:
    return WARN_AT if clock.alarmed else ()


def _moment(clock: Clock, percent: int) -> datetime:
    return clock.due_at - clock.length * (100 - percent) / 100


def _moved(clock: Clock, fact: ClockFact, **changes: object) -> Clock:
    after = TRANSITIONS[clock.state].get(fact)
    return clock if after is None else replace(clock, state=after, **changes)  # type: ignore[arg-type]


def _replaced(clock: Clock, fact: ClockFact, fresh: Clock) -> Clock:
    after = TRANSITIONS[clock.state].get(fact)
    return clock if after is None else replace(fresh, state=after)
