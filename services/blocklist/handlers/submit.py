"""A directive comes in."""

from dataclasses import dataclass

from services.blocklist import errors
from services.blocklist.domain import item as rules
from services.blocklist.domain.batch import BatchKind
from services.blocklist.domain.directive import Directive, DirectiveFact, DirectiveStatus, NewDirective
from services.blocklist.domain.item import Changed, Item
from services.blocklist.domain.tally import tally_of
from services.blocklist.domain.withholding import Terms
from services.blocklist.handlers.unit import Unit, add_items, record, settle_claims, stepped, versions_of
from services.blocklist.store import directives
from shared.events import DirectiveReceived


@dataclass(frozen=True, slots=True)
class Submitted:
    directive: Directive
    withholdings_changed: int


async def submit(unit: Unit, order: NewDirective) -> Submitted:
    """Stores the order and its items, and complies at intake where its legal basis says so.

    Raises Refusal if the authority has used the reference before, naming that directive.
    """
    unit.batch.begin(BatchKind.INTAKE)
    undecided = [Item(target=target) for target in order.targets]
    changes = _complied(undecided, order) if order.comply_at_intake else []
    made = changes or [Changed(item, item) for item in undecided]
    stored = [changed.after for changed in made]
    directive = stepped(_received(order, stored), DirectiveFact.ACCEPT)
    existing = await directives.add(unit.connection, order, directive)
    if existing:
        raise errors.duplicate_reference(existing)
    await add_items(unit, directive, order.targets, made)
    terms = Terms(at=unit.now, cause=None, due_at=order.due_at, label=order.label)
    settled = await settle_claims(unit, ((directive.id, changed) for changed in changes), terms)
    happened = {"kind": order.kind, "expires_at": order.expires_at}
    directive = await record(unit, directive, DirectiveReceived, happened, changed_items=stored)
    return Submitted(directive, len(versions_of(settled)))


def _complied(undecided: list[Item], order: NewDirective) -> list[Changed]:
    outcomes = [rules.comply(item, order.scope) for item in undecided]
    return [outcome for outcome in outcomes if isinstance(outcome, Changed)]


def _received(order: NewDirective, stored: list[Item]) -> Directive:
    return Directive(
        id=order.id,
        status=DirectiveStatus.RECEIVED,
        authority=order.authority,
        reference=order.reference,
        legal_basis=order.legal_basis,
        label=order.label,
        interim=order.interim,
        scope=order.scope,
        issued_at=order.issued_at,
        received_at=order.received_at,
        due_at=order.due_at,
        expires_at=order.expires_at,
        confirmed_at=None,
        revision=0,
        tally=tally_of(stored),
        kind=order.kind,
        lapses_at=order.lapses_at,
        supersedes=order.supersedes,
        channel=order.channel,
        sealed=order.sealed,
        comply_at_intake=order.comply_at_intake,
    )
