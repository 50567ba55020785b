"""What every act on a directive's items does: takes those named, acts on all of them or on none, stores and settles them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from services.blocklist import errors
from services.blocklist.domain.directive import Directive
from services.blocklist.domain.item import Changed, Item, Outcome
from services.blocklist.domain.selection import Impossible, Selection, apply_to_all
from services.blocklist.domain.withholding import Settled, Terms
from services.blocklist.handlers.unit import Unit, save_items, selected_items, settle_claims


@dataclass(frozen=True, slots=True)
class Acted:
    """`directive` with its items counted anew, not recorded yet; the items that changed; the keys that were settled."""

    directive: Directive
    changed: tuple[Changed, ...]
    settled: list[Settled]

    @property
    def after(self) -> list[Item]:
        return [changed.after for changed in self.changed]


async def act_on(unit: Unit, directive: Directive, selection: Selection, act: Callable[[Item], Outcome], terms: Terms) -> Acted:
    """Raises Refusal if a named item stands in the way, or if a keyword finds none that is eligible."""
    found = await selected_items(unit, directive, selection)
    batch = apply_to_all(found, act, named=not isinstance(selection, str))
    if isinstance(batch, Impossible):
        raise errors.impossible(batch, selection)
    await save_items(unit, directive, batch.changed)
    settled = await settle_claims(unit, ((directive.id, changed) for changed in batch.changed), terms)
    tally = directive.tally.moved((changed.before, changed.after) for changed in batch.changed)
    return Acted(replace(directive, tally=tally), batch.changed, settled)
