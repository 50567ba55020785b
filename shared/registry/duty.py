"""Duties: what must be done, what starts its clock, and when the time is up."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from shared.registry.table import WHEN_ABSENT, Fault, Table, Text

_SATURDAY = 5
_DAY = timedelta(days=1)
_WEEKEND = 2 * _DAY


class DutyKind(StrEnum):
    ACK = "ack"
    RESTRICT = "restrict"
    REPLY = "reply"
    INFORM_USER = "inform_user"
    RETAIN = "retain"
    LAPSE = "lapse"


class Trigger(StrEnum):
    """What starts a clock: receipt or issue of the directive, or of a later clarification or notice."""

    RECEIPT = "receipt"
    ISSUE = "issue"
    CLARIFICATION = "clarification"
    NOTICE = "notice"


class Calendar(StrEnum):
    """Whether the clock goes on all the time, or on working days only."""

    CONTINUOUS = "continuous"
    WORKING_DAYS = "working_days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty(Table):
    """One clock: either of fixed length, or set by the order itself (`in_order`), never both.

    A duty that is not `verified` is to be shown as such; no breach follows from it. One that is `pausable` stands still while the
    platform waits for a clarification, or cannot act for reasons that are not its own.
    """

    duty: DutyKind
    trigger: Trigger = field(metadata={WHEN_ABSENT: "a clock without a trigger; name receipt, issue, clarification or notice"})
    verified: bool
    source: Text
    duration: timedelta | None = None
    in_order: bool = False
    pausable: bool = False
    calendar: Calendar = Calendar.CONTINUOUS
    note: Text | None = None

    def faults(self) -> Iterator[Fault]:
        if self.in_order and self.duration is not None:
            yield "duration", "the order sets the time (in_order = true), so no duration may stand beside it"
        if not self.in_order and self.duration is None:
            yield "duration", "missing; write a duration, or in_order = true if the order sets the time"

    def started(self, *, issued_at: datetime, received_at: datetime) -> datetime | None:
        """When the directive itself starts the clock. None if a later clarification or notice does."""
        return {Trigger.RECEIPT: received_at, Trigger.ISSUE: issued_at}.get(self.trigger)

    def due(self, started: datetime) -> datetime | None:
        """When the time is up, of a clock that started then. None if the order sets the time."""
        if self.duration is None:
            return None
        if self.calendar is Calendar.WORKING_DAYS:
            return after_working_time(started, self.duration)
        return started + self.duration


def after_working_time(started: datetime, length: timedelta) -> datetime:
    """The first instant by which that much working time has passed, in UTC.

    Saturdays and Sundays, from midnight to midnight UTC, do not count. Public holidays are not known here and count like any day,
    so the answer is never later than the law's and may be earlier. What ends with a Friday ends at its midnight.
    """
    at, left = _next_working(started.astimezone(UTC)), length
    while (week := _until_saturday(at)) < left:
        at, left = at + week + _WEEKEND, left - week
    return at + left


def _next_working(at: datetime) -> datetime:
    if at.weekday() < _SATURDAY:
        return at
    return _until_midnight(at) + at + (_SATURDAY + 1 - at.weekday()) * _DAY


def _until_saturday(at: datetime) -> timedelta:
    return _until_midnight(at) + (_SATURDAY - 1 - at.weekday()) * _DAY


def _until_midnight(at: datetime) -> timedelta:
    return datetime.combine(at, time(), UTC) + _DAY - at
