"""A directive and its items, as their events tell them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.notifier.domain.compliance import FINAL_STATUSES, ItemCounts
from shared.ids import DirectiveId, Jurisdiction, Target
from shared.jurisdictions import ancestors


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """A directive as of its highest revision seen."""

    id: DirectiveId
    revision: int
    jurisdictions: tuple[Jurisdiction, ...]
    legal_basis: str
    status: str
    issued_at: datetime
    received_at: datetime
    due_at: datetime | None
    counts: ItemCounts

    @property
    def closed(self) -> bool:
        return self.status in FINAL_STATUSES

    @property
    def scope(self) -> frozenset[Jurisdiction]:
        """Its jurisdictions without those that lie in another of them: who complies in `IN` complies in `IN-PB`."""
        return frozenset(_widest(self.jurisdictions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One target of a directive; `jurisdictions` is where its claims are live."""

    directive: DirectiveId
    target: Target
    decision: str
    jurisdictions: tuple[Jurisdiction, ...]
    cause: str | None
    unilateral: bool
    revision: int
    changed_at: datetime


def _widest(places: Iterable[Jurisdiction]) -> Iterable[Jurisdiction]:
    asked = set(places)
    return (place for place in asked if asked.isdisjoint(ancestors(place)))
