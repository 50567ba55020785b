"""A directive comes in."""

from dataclasses import dataclass
from itertools import chain
from typing import assert_never

from services.blocklist import errors
from services.blocklist.domain import item as rules
from services.blocklist.domain.batch import BatchKind
from services.blocklist.domain.directive import Directive, DirectiveFact, DirectiveStatus, NewDirective, begun
from services.blocklist.domain.item import Changed, Item
from services.blocklist.domain.tally import tally_of
from services.blocklist.domain.validity import AskClarification, Complete, Reject, Verdict, missing
from services.blocklist.domain.withholding import Terms
from services.blocklist.handlers import elsewhere
from services.blocklist.handlers.supersede import check_order
from services.blocklist.handlers.unit import Unit, add_items, record, settle_claims, stepped, versions_of
from services.blocklist.store import directives
from shared.events import DirectiveReceived


@dataclass(frozen=True, slots=True)
class Submitted:
    directive: Directive
    withholdings_changed: int


async def submit(unit: Unit, order: NewDirective) -> Submitted:
    """Stores the order and its items, complies at intake where its legal basis says so, and ends what it supersedes or lifts.

    One that lacks something is stored as waiting or rejected, and does none of that.
    Raises Refusal if the authority has used the reference before, naming that directive.
    """
    unit.batch.begin(BatchKind.INTAKE)
    others = await elsewhere.lock(unit, order)
    await check_order(unit, order, others)
    fact = _fact(order.verdict)
    accepted = fact is DirectiveFact.ACCEPT
    made = [_made(Item(target=target), order, comply=accepted and order.comply_at_intake) for target in order.targets]
    stored = [changed.after for changed in made]
    directive = stepped(_received(order, stored), fact)
    existing = await directives.add(unit.connection, order, directive)
    if existing:
        raise errors.duplicate_reference(existing)
    await add_items(unit, directive, order.targets, made)
    ended = await elsewhere.end_at_start(unit, directive, others, stored) if accepted else []
    terms = Terms(at=unit.now, cause=elsewhere.cause(directive), due_at=order.due_at, label=order.label)
    own = ((directive.id, changed) for changed in made)
    settled = await settle_claims(unit, chain(own, elsewhere.changes_of(ended)), terms)
    directive = await record(unit, directive, DirectiveReceived, _happened(order), changed_items=stored)
    await elsewhere.tell(unit, directive, ended)
    return Submitted(directive, len(versions_of(settled)))


def _fact(verdict: Verdict) -> DirectiveFact:
    match verdict:
        case Complete():
            return DirectiveFact.ACCEPT
        case AskClarification():
            return DirectiveFact.ASK_CLARIFICATION
        case Reject():
            return DirectiveFact.REJECT
        case _:
            assert_never(verdict)


def _happened(order: NewDirective) -> dict[str, object]:
    return {
        "kind": order.kind,
        "expires_at": order.expires_at,
        "missing": missing(order.verdict),
        "supersedes": order.supersedes,
    }


def _made(item: Item, order: NewDirective, *, comply: bool) -> Changed:
    """The item as it stands at once."""
    if comply:
        outcome = rules.carry_out(item) if order.unblocks else rules.comply(item, order.scope)
        if isinstance(outcome, Changed):
            return outcome
    return Changed(item, item)


def _received(order: NewDirective, stored: list[Item]) -> Directive:
    return begun(order, DirectiveStatus.RECEIVED, tally_of(stored), missing(order.verdict))
