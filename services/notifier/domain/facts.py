"""What handlers found out, returned rather than performed: the caller counts and logs it once the transaction has committed."""

from dataclasses import dataclass
from enum import StrEnum

from services.notifier.domain.clocks import Duty
from shared.ids import DirectiveId, Jurisdiction, Key, PointId


class Change(StrEnum):
    """What a point had to do. Releases are timed like blocks."""

    BLOCK = "block"
    RELEASE = "release"


class Ignored(StrEnum):
    """Why a report changed nothing."""

    OLD_VERSION = "old_version"
    ILLEGAL = "illegal"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class HoleFound:
    """Versions of a key are missing."""

    key: Key


@dataclass(frozen=True, slots=True)
class RevisionHoleFound:
    """Events of a directive are missing."""

    directive: DirectiveId


@dataclass(frozen=True, slots=True)
class Contradicted:
    """The event at this position of those handled says something else than the same version did before."""

    position: int
    key: Key
    version: int


@dataclass(frozen=True, slots=True)
class TookEffect:
    """A point applied a version for the first time, this long after it took effect."""

    jurisdiction: Jurisdiction
    change: Change
    seconds: float


@dataclass(frozen=True, slots=True)
class ReportIgnored:
    point: PointId
    key: Key
    reason: Ignored


@dataclass(frozen=True, slots=True)
class WentOverdue:
    """A point let its time to apply a version run out."""

    point: PointId
    key: Key


@dataclass(frozen=True, slots=True)
class ClockBreached:
    """The time for a duty ran out unmet."""

    directive: DirectiveId
    duty: Duty
    legal_basis: str
    jurisdictions: tuple[Jurisdiction, ...]


Fact = HoleFound | RevisionHoleFound | Contradicted | TookEffect | ReportIgnored | WentOverdue | ClockBreached
