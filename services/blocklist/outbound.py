"""How the domain's words become the wire's: the only place where both meet."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from services.blocklist.domain.directive import Directive
from services.blocklist.domain.item import Item
from services.blocklist.domain.tally import Tally
from services.blocklist.domain.withholding import Withholding
from shared.events import ITEMS_PER_EVENT, CaseEvent, Counts, DirectiveItems, ItemChanged, WithholdingChanged
from shared.ids import type_of

E = TypeVar("E", bound=CaseEvent)

MAX_ITEMS_BYTES = 192 * 1024
"""Three quarters of one batch of the producer. A record larger than a batch could never be sent, and would hold its lane."""

_ITEM_BYTES, _PLACE_BYTES = 128, 9
"""What an item takes beside its target, and each of its jurisdictions, at most."""


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
        authority=directive.authority,
        reference=directive.reference,
        channel=directive.channel,
        sealed=directive.sealed,
        lapses_at=directive.lapses_at,
        **happened,
    )


def counts(tally: Tally) -> Counts:
    return Counts(total=tally.total, released=tally.released(), **tally.counted())


def item_events(directive: Directive, first_revision: int, items: Sequence[Item], **happened: Any) -> Iterator[DirectiveItems]:
    """The changed items, in chunks, each chunk a revision of its own."""
    for offset, chunk in enumerate(_chunks(map(_item_changed, items))):
        yield case_event(DirectiveItems, directive, first_revision + offset, items=tuple(chunk), **happened)


def _chunks(items: Iterable[ItemChanged]) -> Iterator[list[ItemChanged]]:
    """As many items as one event may hold, and no more than surely fit the broker: targets may be long, jurisdictions many."""
    chunk: list[ItemChanged] = []
    size = 0
    for item in items:
        more = _ITEM_BYTES + len(item.target.encode()) + _PLACE_BYTES * len(item.jurisdictions)
        if chunk and (len(chunk) == ITEMS_PER_EVENT or size + more > MAX_ITEMS_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(item)
        size += more
    if chunk:
        yield chunk


def _item_changed(item: Item) -> ItemChanged:
    return ItemChanged(
        target=item.target,
        decision=item.state.word,
        jurisdictions=item.applied,
        cause=item.cause.value if item.cause else None,
        unilateral=item.unilateral,
        ground=item.ground,
        suspended=item.suspended,
    )
