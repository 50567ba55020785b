"""How the domain's words become the wire's: the only place where both meet."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from services.blocklist.domain.directive import Directive
from services.blocklist.domain.item import Item
from services.blocklist.domain.tally import Tally
from services.blocklist.domain.withholding import Withholding
from shared.events import ITEMS_PER_EVENT, CaseEvent, Counts, DirectiveItems, ItemChanged, WithholdingChanged
from shared.ids import type_of

E = TypeVar("E", bound=CaseEvent)


def withholding_changed(withholding: Withholding) -> WithholdingChanged:
    return WithholdingChanged(
        target=withholding.key.target,
        target_type=type_of(withholding.key.target),
        jurisdiction=withholding.key.jurisdiction,
        state=withholding.state.value,
        version=withholding.version,
        cause=withholding.cause.value if withholding.cause else None,
        directives=withholding.directives,
        effective_at=withholding.effective_at,
        due_at=withholding.due_at,
        label=withholding.label,
    )


def case_event(event: type[E], directive: Directive, revision: int, /, **happened: Any) -> E:
    """A case event of `directive` as it stands, with what happened. Raises TypeError if `happened` does not fit it."""
    return event(
        directive=directive.id,
        revision=revision,
        jurisdictions=directive.scope,
        legal_basis=directive.legal_basis,
        status=directive.status.value,
        issued_at=directive.issued_at,
        received_at=directive.received_at,
        due_at=directive.due_at,
        counts=counts(directive.tally),
        **happened,
    )


def counts(tally: Tally) -> Counts:
    return Counts(total=tally.total, released=tally.released(), **tally.counted())


def item_events(directive: Directive, first_revision: int, items: Sequence[Item]) -> Iterator[DirectiveItems]:
    """The changed items, in chunks, each chunk a revision of its own."""
    for offset, start in enumerate(range(0, len(items), ITEMS_PER_EVENT)):
        chunk = tuple(map(_item_changed, items[start : start + ITEMS_PER_EVENT]))
        yield case_event(DirectiveItems, directive, first_revision + offset, items=chunk)


def _item_changed(item: Item) -> ItemChanged:
    return ItemChanged(
        target=item.target,
        decision=item.state.word,
        jurisdictions=item.applied,
        cause=item.cause.value if item.cause else None,
        unilateral=item.unilateral,
    )
