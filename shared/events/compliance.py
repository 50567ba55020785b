"""What the notifier found: how duties, points and releases stand. Keyed by what it is about.

That is a directive, a withholding, or a jurisdiction.
"""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from shared.events.fields import Canonical, Instant, Ordinal, Place
from shared.ids import DirectiveId, PointId


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveFinding:
    """Something about a directive as a whole, found at this instant."""

    directive: DirectiveId
    jurisdictions: tuple[Place, ...]
    legal_basis: str
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFinding(DirectiveFinding):
    """A duty's clock as it stands after what happened to it. One that is not `verified` is shown, and never alarmed."""

    duty: str
    starts_at: Instant
    due_at: Instant
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStarted(ClockFinding):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPaused(ClockFinding):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockResumed(ClockFinding):
    """It runs again, with what was left of its time or with all of it, as `due_at` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockExtended(ClockFinding):
    """A notice set another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockWarned(ClockFinding):
    """So much of its time is gone."""

    percent: Annotated[int, Meta(ge=1, le=99)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockBreached(ClockFinding):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMet(ClockFinding):
    """The duty was done; `late` after its time."""

    met_at: Instant
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedUnilaterally(DirectiveFinding):
    """The platform restored items on its own decision while the directive stands: so many of them, as of now."""

    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseIncomplete(DirectiveFinding):
    """Events of the directive are missing, from `first` on; they are being fetched."""

    first: Ordinal
    last: Ordinal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFinding:
    """Something about one target in one jurisdiction, found at this instant."""

    target: Canonical
    jurisdiction: Place
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryIncomplete(KeyFinding):
    """Versions of the key are missing, from `first` on; they are being fetched."""

    first: Ordinal
    last: Ordinal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcementFinding(KeyFinding):
    """One version at one point."""

    point: PointId
    version: Ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcementOverdue(EnforcementFinding):
    """The point let its time to answer run out."""

    due_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcementReverted(EnforcementFinding):
    """The point undid what it had applied: a violation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFinding:
    """Something about the keys of one jurisdiction together, found at this instant."""

    jurisdiction: Place
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDiverged(PlaceFinding):
    """As of `as_of` the notifier knew other keys or versions than there were. What differs is being fetched."""

    as_of: Instant
    keys: Annotated[int, Meta(ge=0)]
    known_keys: Annotated[int, Meta(ge=0)]
    withheld: Annotated[int, Meta(ge=0)]
    known_withheld: Annotated[int, Meta(ge=0)]


Finding = DirectiveFinding | KeyFinding | PlaceFinding
