"""A batch: everything that one write did to items, as one thing that can be named, counted and taken back.

Promises: an item is in a batch exactly if the batch changed it; what is counted is what was stored.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from services.blocklist.domain.directive import Directive
from services.blocklist.domain.item import Changed
from shared.ids import DirectiveId, Jurisdiction

BatchId = NewType("BatchId", str)
"""`bat_` and 32 hexadecimal digits."""


_EYES = 2


def four_eyes(approvers: Iterable[str]) -> bool:
    """Whether two different people looked. Names that differ in case alone are one."""
    return len({name.casefold() for name in approvers}) >= _EYES


class BatchKind(StrEnum):
    """Who did it, and how: an act is the authority's, a court's or the calendar's, all others are the platform's."""

    INTAKE = "intake"
    DECISION = "decision"
    RELEASE = "release"
    ACT = "act"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Reach:
    """How many items a batch changed; on how many of them something came to be withheld, and on how many it ceased to be."""

    items: int
    blocked: int
    released: int


@dataclass(slots=True, kw_only=True)
class OpenBatch:
    """What the open transaction does, collected while it does it. An act, unless a handler says that it is something else.

    `sealed` if one of its directives is, so that it is shown to nobody who may not see that one.
    """

    id: BatchId
    kind: BatchKind = BatchKind.ACT
    memo: str | None = None
    approvers: Sequence[str] = ()
    undoes: BatchId | None = None
    sealed: bool = False
    scopes: dict[DirectiveId, Sequence[Jurisdiction]] = field(default_factory=dict)
    changes: dict[DirectiveId, list[Changed]] = field(default_factory=lambda: defaultdict(list))

    def begin(
        self, kind: BatchKind, *, memo: str | None = None, approvers: Sequence[str] = (), undoes: BatchId | None = None
    ) -> None:
        """Says what is being done."""
        self.kind, self.memo, self.approvers, self.undoes = kind, memo, approvers, undoes

    def add(self, directive: Directive, changes: Sequence[Changed]) -> None:
        if changes:
            self.sealed = self.sealed or directive.sealed
            self.scopes[directive.id] = directive.scope
            self.changes[directive.id].extend(changes)

    @property
    def name(self) -> BatchId | None:
        """What the batch is known by; None while it has changed nothing, for then there is none."""
        return self.id if self.changes else None

    @property
    def reach(self) -> Reach:
        blocked = sum(bool(changed.after.live - changed.before.live) for changed in self._all())
        released = sum(bool(changed.before.live - changed.after.live) for changed in self._all())
        return Reach(sum(map(len, self.changes.values())), blocked, released)

    def _all(self) -> Iterator[Changed]:
        return (changed for changes in self.changes.values() for changed in changes)
