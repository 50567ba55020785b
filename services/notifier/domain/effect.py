"""The version rule: what one arriving version means for what is known of its key.

Promises: the present state of a key is that of the highest version ever seen, whatever the order of arrival and however often
each arrives; a version that is skipped is named as missing, and takes its place in the history when it comes after all. Where a
later epoch says something else of a version, the later epoch is right.
Would break it: judging against anything but all that is stored of the key, or storing less than a verdict says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.notifier.domain.holes import Hole, hole_before
from shared.ids import DirectiveId, Key


class WithholdingState(StrEnum):
    WITHHELD = "withheld"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of one key, in full; two that are equal say the same in every field but for the `epoch` that it came under.

    0 is the epoch of what nobody numbered.
    """

    key: Key
    number: int
    state: WithholdingState
    cause: str | None
    directives: tuple[DirectiveId, ...]
    effective_at: datetime
    due_at: datetime | None
    label: str
    epoch: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known of one key: its present version, if any, and the past ones by number."""

    current: Version | None = None
    past: Mapping[int, Version] = field(default_factory=dict)

    @property
    def number(self) -> int:
        return self.current.number if self.current else 0

    def find(self, number: int) -> Version | None:
        return self.current if self.current and self.current.number == number else self.past.get(number)

    def advanced(self, arrived: Version) -> "Known":
        """With `arrived` as the present version, and the one before it in the past."""
        past = {**self.past, self.current.number: self.current} if self.current else self.past
        return Known(arrived, past)

    def corrected(self, arrived: Version) -> "Known":
        """With `arrived` as the present version, and nothing of what the lost history had from that number on."""
        return Known(arrived, {number: version for number, version in self.past.items() if number < arrived.number})

    def filled(self, arrived: Version) -> "Known":
        return Known(self.current, {**self.past, arrived.number: arrived})


@dataclass(frozen=True, slots=True)
class Applies:
    """It is the new present state. `hole` are the versions before it that have not come."""

    hole: Hole | None


@dataclass(frozen=True, slots=True)
class Fills:
    """A past version that was missing until now; the present state stays."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Nothing new."""


@dataclass(frozen=True, slots=True)
class Contradicts:
    """The same version with other content. What is stored stays; somebody has to look."""


@dataclass(frozen=True, slots=True)
class Corrects:
    """The same version with other content, under a later epoch: what is stored from that number on belongs to a history that a
    restore ended, and this is the present state.
    """


Verdict = Applies | Fills | Duplicate | Contradicts | Corrects


def judge(known: Known, arrived: Version) -> Verdict:
    if arrived.number > known.number:
        return Applies(hole_before(arrived.number, known.number))
    stored = known.find(arrived.number)
    if stored is None:
        return Fills()
    if stored == arrived:
        return Duplicate()
    return Corrects() if known.current and arrived.epoch > known.current.epoch else Contradicts()
