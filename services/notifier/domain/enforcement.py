"""One version at one enforcement point, as a table: state → {fact: state}. What the table does not list is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.ids import Key, PointId


class EnforcementState(StrEnum):
    """REVERTED is a violation: the point undid what it had applied. SUPERSEDED ends what a newer version overtook."""

    PENDING = "pending"
    APPLIED = "applied"
    FAILED = "failed"
    OVERDUE = "overdue"
    REVERTED = "reverted"
    SUPERSEDED = "superseded"


class EnforcementFact(StrEnum):
    """The first three are what a point reports; time and newer versions do the rest."""

    APPLIED = "applied"
    FAILED = "failed"
    REVERTED = "reverted"
    TIME_RAN_OUT = "time_ran_out"
    OVERTAKEN = "overtaken"


_S, _F = EnforcementState, EnforcementFact

LEADS_TO: Mapping[EnforcementFact, EnforcementState] = {
    _F.APPLIED: _S.APPLIED,
    _F.FAILED: _S.FAILED,
    _F.REVERTED: _S.REVERTED,
    _F.TIME_RAN_OUT: _S.OVERDUE,
    _F.OVERTAKEN: _S.SUPERSEDED,
}
"""Each fact has one state that it leads to: a fact that finds that state already there repeats it, and changes nothing."""

TRANSITIONS: Mapping[EnforcementState, Mapping[EnforcementFact, EnforcementState]] = {
    _S.PENDING: {
        _F.APPLIED: _S.APPLIED,
        _F.FAILED: _S.FAILED,
        _F.TIME_RAN_OUT: _S.OVERDUE,
        _F.OVERTAKEN: _S.SUPERSEDED,
    },
    _S.FAILED: {_F.APPLIED: _S.APPLIED, _F.OVERTAKEN: _S.SUPERSEDED},
    _S.OVERDUE: {_F.APPLIED: _S.APPLIED, _F.FAILED: _S.FAILED, _F.OVERTAKEN: _S.SUPERSEDED},
    _S.APPLIED: {_F.REVERTED: _S.REVERTED},
    _S.REVERTED: {_F.APPLIED: _S.APPLIED, _F.OVERTAKEN: _S.SUPERSEDED},
    _S.SUPERSEDED: {},
}

COUNTED = (_S.PENDING, _S.APPLIED, _S.FAILED, _S.OVERDUE, _S.REVERTED)
"""The states that an enforcement of a present version can be in."""


@dataclass(frozen=True, slots=True)
class Moved:
    state: EnforcementState


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The fact repeats the state."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The fact does not fit the state."""

    state: EnforcementState
    fact: EnforcementFact

    def __str__(self) -> str:
        return f"{self.fact.value!r} is not possible while the enforcement is {self.state.value!r}"


def step(state: EnforcementState, fact: EnforcementFact) -> Moved | Unchanged | Refused:
    if LEADS_TO[fact] is state:
        return Unchanged()
    after = TRANSITIONS[state].get(fact)
    return Refused(state, fact) if after is None else Moved(after)


def open_to(fact: EnforcementFact) -> tuple[EnforcementState, ...]:
    """The states that the fact moves, for statements that move many rows at once."""
    return tuple(state for state, facts in TRANSITIONS.items() if fact in facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """`current` says that the version is its key's present one and the point is registered for the key.

    An answer that came before its version, or from a point not registered yet, waits here with `current` false; `asked_at` is
    since when the point has to apply it.
    """

    point: PointId
    key: Key
    version: int
    state: EnforcementState = EnforcementState.PENDING
    current: bool
    since: datetime
    asked_at: datetime | None = None
    due_at: datetime | None = None
    applied_at: datetime | None = None
    reported_at: datetime | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a point says it did with one version."""

    point: PointId
    key: Key
    version: int
    fact: EnforcementFact
    at: datetime
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A move of an enforcement that its own times do not tell: anything but a first application."""

    point: PointId
    key: Key
    version: int
    state: EnforcementState
    at: datetime


@dataclass(frozen=True, slots=True)
class Changed:
    after: Enforcement


@dataclass(frozen=True, slots=True)
class Stale:
    """A report from before the one that stands."""


def answer(before: Enforcement, report: Report) -> Changed | Unchanged | Refused | Stale:
    """The enforcement after a report on it.

    `applied ⇄ reverted` is the one circle of the table, so there the time of the report decides: a late copy of an older
    report must not turn it back. `applied_at` is the first time that it was applied.
    """
    outcome = step(before.state, report.fact)
    if not isinstance(outcome, Moved):
        return outcome
    state = outcome.state
    circle = {before.state, state} == {EnforcementState.APPLIED, EnforcementState.REVERTED}
    if circle and before.reported_at is not None and report.at < before.reported_at:
        return Stale()
    applied_at = before.applied_at or (report.at if state is EnforcementState.APPLIED else None)
    return Changed(replace(before, state=state, applied_at=applied_at, reported_at=report.at, detail=report.detail))


def turn(before: Enforcement, after: Enforcement, at: datetime) -> Turn | None:
    """What has to be kept, so that it can be told how the enforcement stood at any time; None if `applied_at` tells it."""
    if after.state is EnforcementState.APPLIED and before.state in {EnforcementState.PENDING, EnforcementState.OVERDUE}:
        return None
    return Turn(point=after.point, key=after.key, version=after.version, state=after.state, at=at)
