"""Following a lane by its numbers: what each record says about those that should have come before it.

Promises: whatever arrives in whatever order, `sequence` is the highest number seen in the present epoch, every number below it
that never came is in a gap that was told (unless compaction took it), and `digest` is the lane's rolling hash at `digested`, or
unknown. Numbers that were seen before change nothing.
Does not promise: that a number which comes again says the same. Versions of keys and checkpoints show that.
Would break it: a digest that goes on over a number that was not seen.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import NamedTuple, assert_never

BEGINNING = bytes(32)
"""The digest of a lane of which nothing has come yet."""


class Place(NamedTuple):
    """Where a record stands in its lane, as whoever published it says."""

    epoch: int
    sequence: int


class Gap(NamedTuple):
    """Numbers that never came, both ends included."""

    first: int
    last: int


class Lane(NamedTuple):
    """How far a lane was followed. `digested` lags behind `sequence` while something is missing between them."""

    epoch: int = 0
    sequence: int = 0
    digested: int = 0
    digest: bytes | None = BEGINNING


@dataclass(frozen=True, slots=True)
class Follows:
    """It is the next one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """It, or a later one, was here before."""


@dataclass(frozen=True, slots=True)
class Jump:
    """Others should have come before it."""

    gap: Gap


@dataclass(frozen=True, slots=True)
class Thinned:
    """Others came before it and were compacted away, as is normal for a record of that age."""


@dataclass(frozen=True, slots=True)
class Restarts:
    """A new epoch gives numbers out again; what was seen under them belongs to a history that is no more."""


@dataclass(frozen=True, slots=True)
class Stale:
    """It belongs to a history that is no more."""


@dataclass(frozen=True, slots=True)
class Unnumbered:
    """Nobody numbered it."""


Outcome = Follows | Seen | Jump | Thinned | Restarts | Stale | Unnumbered

Extend = Callable[[bytes], bytes]
"""The digest after the record at hand, given the one before it."""

MARKED = 100
"""Digests at the multiples of this are kept, as in checkpoints."""

_FOLLOWS, _SEEN, _THINNED, _RESTARTS, _STALE, _UNNUMBERED = Follows(), Seen(), Thinned(), Restarts(), Stale(), Unnumbered()


def judge(lane: Lane, place: Place | None, *, thinned: bool) -> Outcome:
    """What a record's place says. `thinned`: at its age, compaction may have taken what came before it."""
    if place is None:
        return _UNNUMBERED
    if place.epoch < lane.epoch:
        return _STALE
    if place.sequence == lane.sequence + 1:
        return _FOLLOWS
    if place.sequence > lane.sequence:
        return _THINNED if thinned else Jump(Gap(lane.sequence + 1, place.sequence - 1))
    return _RESTARTS if place.epoch > lane.epoch else _SEEN


@dataclass(slots=True)
class Walk:
    """A lane while records go by, and what they tell.

    `marks` are digests at multiples of `MARKED` that were passed, `epochs` those that began while it was followed.
    """

    lane: Lane
    gaps: list[Gap] = field(default_factory=list)
    marks: dict[int, bytes] = field(default_factory=dict)
    epochs: list[int] = field(default_factory=list)
    stale: int = 0
    restarted: bool = False

    def step(self, place: Place | None, extend: Extend, *, thinned: bool = False) -> Outcome:
        """Takes one record into account."""
        outcome = judge(self.lane, place, thinned=thinned)
        if place is not None:
            if place.epoch > self.lane.epoch > 0:
                self._begin(place)
            self._take(outcome, place, extend)
        return outcome

    def _take(self, outcome: Outcome, place: Place, extend: Extend) -> None:
        match outcome:
            case Follows():
                self._follow(place, extend)
            case Jump(gap=gap):
                self.gaps.append(gap)
                self.lane = self.lane._replace(epoch=place.epoch, sequence=place.sequence)
            case Thinned():
                self.lane = Lane(*place, 0, None)
            case Restarts():
                self.restarted = True
                self.marks.clear()
                self.lane = Lane(*place, 0, None)
            case Stale():
                self.stale += 1
            case Seen() | Unnumbered():
                pass
            case other:
                assert_never(other)

    def _begin(self, place: Place) -> None:
        """The digest of a new epoch is that of its own events alone; not known if its first ones did not come."""
        self.epochs.append(place.epoch)
        self.restarted = True
        self.marks.clear()
        is_next = place.sequence == self.lane.sequence + 1
        digested, digest = (self.lane.sequence, BEGINNING) if is_next else (0, None)
        self.lane = self.lane._replace(digested=digested, digest=digest)

    def _follow(self, place: Place, extend: Extend) -> None:
        _, before, digested, digest = self.lane
        if digest is None or digested != before:
            self.lane = Lane(*place, digested, digest)
            return
        digest = extend(digest)
        self.lane = Lane(*place, place.sequence, digest)
        if place.sequence % MARKED == 0:
            self.marks[place.sequence] = digest

    def refill(self, sequence: int, extend: Extend) -> None:
        """Takes one record into account that the source gave on being asked, whether it had come before or not."""
        epoch, highest, digested, digest = self.lane
        if digest is not None and sequence == digested + 1:
            digested, digest = sequence, extend(digest)
            if sequence % MARKED == 0:
                self.marks[sequence] = digest
        self.lane = Lane(epoch, max(highest, sequence), digested, digest)


def to_fetch(lane: Lane, gaps: Collection[Gap]) -> Gap | None:
    """What is to be asked for next: from the first that is missing, or that no digest covers, to the last that should be here."""
    firsts = [gap.first for gap in gaps]
    lasts = [gap.last for gap in gaps]
    if lane.digest is not None and lane.digested < lane.sequence:
        firsts.append(lane.digested + 1)
        lasts.append(lane.sequence)
    return Gap(min(firsts), max(lasts)) if firsts else None


def without(gap: Gap, come: Gap) -> list[Gap]:
    """What of a gap is still missing when `come` has come."""
    before, behind = Gap(gap.first, min(gap.last, come.first - 1)), Gap(max(gap.first, come.last + 1), gap.last)
    return [left for left in (before, behind) if left.first <= left.last]
