"""What handlers found out, returned rather than performed: the caller counts and logs it once the transaction has committed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock
from services.notifier.domain.digests import Sum
from services.notifier.domain.enforcement import Enforcement
from services.notifier.domain.holes import Hole
from services.notifier.domain.stream import Gap
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
    hole: Hole


@dataclass(frozen=True, slots=True)
class RevisionHoleFound:
    """Events of a directive are missing."""

    directive: Directive
    hole: Hole


@dataclass(frozen=True, slots=True)
class Contradicted:
    """The event at this position of those handled says something else than the same version did before."""

    position: int
    key: Key
    version: int


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record could not be understood, or contradicts what is stored. `holds`: nobody knows how `about` stands because of it."""

    topic: str
    about: Key | DirectiveId | None
    holds: bool


@dataclass(frozen=True, slots=True)
class Corrected:
    """After a restore the blocklist says something else of this version, and so of all that came after it."""

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

    enforcement: Enforcement


@dataclass(frozen=True, slots=True)
class Reverted:
    """A point undid a present version that it had applied: a violation."""

    enforcement: Enforcement


@dataclass(frozen=True, slots=True)
class ReleasedUnilaterally:
    """The platform restored items on its own decision while the directive stands, where before there were none such."""

    directive: Directive
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFact:
    """What a lane's numbers told. It concerns us and whoever keeps us running; subscribers hear of keys and directives."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GapFound(LaneFact):
    """Events of a lane never came."""

    gap: Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleDropped(LaneFact):
    """Records came of a history that is no more: whoever published them does not know of the restore."""

    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GapPurged(LaneFact):
    """Events of a lane never came, and the source does not have them any more."""

    gap: Gap


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointDiffered(LaneFact):
    """What came up to `sequence` is not what was sent. `again`: nor is what the source gave on being asked."""

    sequence: int
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetLost(LaneFact):
    """Kafka does not have the records any more that come next, or never had them; the partition is read anew from `offset`."""

    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochBegan(LaneFact):
    """The first record came of a blocklist whose database was restored."""

    epoch: int


AnyLaneFact = GapFound | StaleDropped | EpochBegan | GapPurged | CheckpointDiffered | OffsetLost


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestFact:
    """What the blocklist said that a jurisdiction's state comes to was compared with ours."""

    jurisdiction: Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestCompared(DigestFact):
    agrees: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StateDiverged(DigestFact):
    """Our state is not the blocklist's, where before it was, or nobody had looked."""

    as_of: datetime
    told: Sum
    own: Sum


AnyDigestFact = DigestCompared | StateDiverged


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFact:
    """What became of a directive's clock, and how it stands after it. One that is not verified is told of, and never alarmed."""

    directive: Directive
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockStarted(ClockFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockPaused(ClockFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockResumed(ClockFact):
    """It runs again, with what was left of its time or with all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockExtended(ClockFact):
    """It was set anew before the duty was done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockWarned(ClockFact):
    """As much of its time is gone as `clock.warned` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockBreached(ClockFact):
    """The time for a duty ran out unmet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMet(ClockFact):
    """The duty was done, in time or late."""


AnyClockFact = ClockStarted | ClockPaused | ClockResumed | ClockExtended | ClockWarned | ClockBreached | ClockMet

EffectFact = (
    HoleFound
    | RevisionHoleFound
    | Contradicted
    | Corrected
    | SetAside
    | TookEffect
    | ReportIgnored
    | WentOverdue
    | Reverted
    | ReleasedUnilaterally
    | AnyClockFact
)
Fact = EffectFact | AnyLaneFact | AnyDigestFact
