"""What becomes of an order that lacks something: it is clarified and comes into force, is accepted as it is, or is rejected.

Promises: while it waits nothing is claimed and nothing can be decided; what it does when it comes into force is what it would
have done at intake, in the transaction of what completed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain

from services.blocklist.domain import item as rules
from services.blocklist.domain.batch import BatchKind
from services.blocklist.domain.directive import Directive, DirectiveFact, DirectiveStatus
from services.blocklist.domain.item import Changed
from services.blocklist.domain.withholding import Terms
from services.blocklist.handlers import elsewhere
from services.blocklist.handlers.elsewhere import Reach
from services.blocklist.handlers.unit import (
    Unit,
    in_time,
    lock_directive,
    record,
    save_items,
    settle_claims,
    stepped,
    versions_of,
)
from services.blocklist.store import directives, items
from shared.events import DirectiveAccepted, DirectiveRejected
from shared.ids import DirectiveId


@dataclass(frozen=True, slots=True)
class Accepted:
    directive: Directive
    withholdings_changed: int


async def accept(unit: Unit, id_: DirectiveId, memo: str | None) -> Accepted:
    """The platform does without what is missing."""
    reach = await elsewhere.reach(unit, id_, "all")
    return await _enter_into_force(unit, reach, waived=reach.directive.missing, memo=memo)


async def reject(unit: Unit, id_: DirectiveId, memo: str) -> Directive:
    """The platform holds that the order is no valid one."""
    directive = stepped(await lock_directive(unit, id_), DirectiveFact.REJECT)
    return await record(unit, directive, DirectiveRejected, {"missing": directive.missing}, detail={"memo": memo})


async def clarified(unit: Unit, reach: Reach, elements: Mapping[str, str]) -> Directive:
    """Keeps what a clarification brought, not recorded yet. An order that waits then lacks so much less."""
    await directives.add_elements(unit.connection, reach.directive.id, elements)
    missing = tuple(element for element in reach.directive.missing if element not in elements)
    return replace(reach.directive, missing=missing)


async def enter_if_complete(unit: Unit, reach: Reach) -> Accepted:
    """An order that waited for something comes into force once nothing is missing."""
    if reach.directive.status is not DirectiveStatus.AWAITING_CLARIFICATION or reach.directive.missing:
        return Accepted(reach.directive, 0)
    return await _enter_into_force(unit, reach, waived=(), memo=None)


async def _enter_into_force(unit: Unit, reach: Reach, *, waived: tuple[str, ...], memo: str | None) -> Accepted:
    unit.batch.begin(BatchKind.INTAKE, memo=memo)
    directive = stepped(replace(reach.directive, missing=()), DirectiveFact.ACCEPT)
    in_time(directive, unit.now)
    changes = await _complied(unit, directive)
    await save_items(unit, directive, changes)
    directive = replace(directive, tally=directive.tally.moved((changed.before, changed.after) for changed in changes))
    stored = await items.select_items(unit.connection, directive.id, "all")
    ended = await elsewhere.end_at_start(unit, directive, reach.others, stored)
    terms = Terms(at=unit.now, cause=elsewhere.cause(directive), due_at=directive.due_at, label=directive.label)
    own = ((directive.id, changed) for changed in changes)
    settled = await settle_claims(unit, chain(own, elsewhere.changes_of(ended)), terms)
    after, detail = [changed.after for changed in changes], {"memo": memo} if memo else None
    directive = await record(unit, directive, DirectiveAccepted, {"waived": waived}, changed_items=after, detail=detail)
    await elsewhere.tell(unit, directive, ended)
    return Accepted(directive, len(versions_of(settled)))


async def _complied(unit: Unit, directive: Directive) -> list[Changed]:
    """Its items, complied with where the legal basis says so at intake."""
    if not directive.comply_at_intake:
        return []
    found = await items.select_items(unit.connection, directive.id, "undecided")
    outcomes = [rules.comply(item, directive.scope) for item in found]
    return [outcome for outcome in outcomes if isinstance(outcome, Changed)]
