"""What a checkpoint says about a lane: that all has come, that its end has not, or that something else has.

A digest of two who went the same way is the same. Who is past the checkpoint compares at the mark before it instead.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from services.notifier.domain.stream import BEGINNING, Gap, Lane

PATIENCE = timedelta(seconds=10)
"""How long what a checkpoint speaks of may be under way to us while nothing else comes either."""

LONGEST_PATIENCE = timedelta(minutes=5)
"""How long it may lie unread while nobody says that the partition was read to its end. To ask for it twice does no harm."""


class Checkpoint(NamedTuple):
    """How far a lane goes, as its publisher says. A digest of None is not known; `mark` is at the last mark not beyond."""

    epoch: int
    sequence: int
    digest: bytes | None
    mark: int
    mark_digest: bytes | None


@dataclass(frozen=True, slots=True)
class Behind:
    """This has not come."""

    missing: Gap


@dataclass(frozen=True, slots=True)
class Verified:
    """Up to here all has come, as it was sent."""

    sequence: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Differs:
    """What has come up to here is not what was sent; `digest` is what it should be."""

    sequence: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Adoptable:
    """All numbers have come, and our own digest is not known: from here on it can go on from the publisher's."""

    sequence: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Open:
    """Nothing can be said yet; a later checkpoint can be compared."""


Verdict = Behind | Verified | Differs | Adoptable | Open


def compare(lane: Lane, checkpoint: Checkpoint, mark: bytes | None) -> Verdict:
    """`mark` is the lane's own digest at the checkpoint's mark, if it was kept."""
    if checkpoint.sequence == 0:
        return Verified(0, BEGINNING)
    if checkpoint.epoch < lane.epoch:
        return Open()
    if lane.sequence < checkpoint.sequence:
        return Behind(Gap(lane.sequence + 1, checkpoint.sequence))
    if checkpoint.digest is None or checkpoint.epoch > lane.epoch:
        return Open()
    if lane.digest is None:
        return Adoptable(checkpoint.sequence, checkpoint.digest)
    if lane.digested == checkpoint.sequence:
        return _compared(checkpoint.sequence, lane.digest, checkpoint.digest)
    if lane.digested > checkpoint.sequence and mark is not None and checkpoint.mark_digest is not None:
        return _compared(checkpoint.mark, mark, checkpoint.mark_digest)
    return Open()


def _compared(sequence: int, ours: bytes, theirs: bytes) -> Verdict:
    return Verified(sequence, ours) if ours == theirs else Differs(sequence, theirs)


class Standstill(NamedTuple):
    """Where a lane stood short of its checkpoint, and since when; and when its partition was last read to its end, if it was."""

    sequence: int
    since: datetime
    read_to_end_at: datetime | None = None


def stood(before: Standstill | None, lane: Lane, now: datetime) -> Standstill:
    """A lane that moves is not waited for: what is missing in it shows with the next record. A clock set back begins anew."""
    stands = before is not None and before.sequence == lane.sequence and before.since <= now
    return before if before is not None and stands else Standstill(lane.sequence, now)


def is_lost(standstill: Standstill, now: datetime) -> bool:
    """Whether what is behind must be fetched: it is not under way any more, and does not lie unread, as far as anybody says."""
    since, read_to_end_at = standstill.since, standstill.read_to_end_at
    if read_to_end_at is not None and since + PATIENCE <= read_to_end_at <= now:
        return True
    return now - since >= LONGEST_PATIENCE
