"""A directive and its items, as their events tell them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.notifier.domain.compliance import FINAL_STATUSES, ItemCounts
from shared.ids import DirectiveId, Jurisdiction, Target
from shared.jurisdictions import ancestors

OFFICIAL = "official"
"""The channel of an order; what comes by any other is a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """A directive as of its highest revision seen, which happened at `changed_at`.

    Events of the first form name no authority and no reference. `kind` and `missing`, the required elements that the order
    lacked, are told by its receipt alone. `lapses_at` is when it lapses if it is not confirmed: fixed when it was recorded, and
    kept after that. None if no event has told.
    """

    id: DirectiveId
    revision: int
    jurisdictions: tuple[Jurisdiction, ...]
    legal_basis: str
    status: str
    issued_at: datetime
    received_at: datetime
    due_at: datetime | None
    counts: ItemCounts
    changed_at: datetime | None = None
    authority: str | None = None
    reference: str | None = None
    kind: str | None = None
    channel: str = OFFICIAL
    sealed: bool = False
    missing: tuple[str, ...] = ()
    lapses_at: datetime | None = None

    @property
    def closed(self) -> bool:
        return self.status in FINAL_STATUSES

    @property
    def scope(self) -> frozenset[Jurisdiction]:
        """Its jurisdictions without those that lie in another of them: who complies in `IN` complies in `IN-PB`."""
        return frozenset(_widest(self.jurisdictions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One target of a directive; `jurisdictions` is where its claims stand, `suspended` that a stay suspends them."""

    directive: DirectiveId
    target: Target
    decision: str
    jurisdictions: tuple[Jurisdiction, ...]
    cause: str | None
    unilateral: bool
    revision: int
    changed_at: datetime
    ground: str | None = None
    suspended: bool = False

    @property
    def id(self) -> "ItemId":
        return self.directive, self.target


ItemId = tuple[DirectiveId, Target]


def succession(present: Mapping[ItemId, Item], arrived: Iterable[Item]) -> tuple[list[Item], list[Item]]:
    """The items that change, and what is past from now on; whatever the order in which they arrive, and however often."""
    newest, past = dict(present), list[Item]()
    for item in arrived:
        known = newest.get(item.id)
        if known is None or item.revision > known.revision:
            newest[item.id] = item
            past += [known] if known else []
        elif item.revision < known.revision:
            past.append(item)
    return [item for item in newest.values() if present.get(item.id) is not item], past


def _widest(places: Iterable[Jurisdiction]) -> Iterable[Jurisdiction]:
    asked = set(places)
    return (place for place in asked if asked.isdisjoint(ancestors(place)))
