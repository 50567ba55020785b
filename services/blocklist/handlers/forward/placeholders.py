"""A directive of which nothing is left but that it holds a key.

What it holds stays withheld, because that is what was last decided as far as anybody knows; it is named in the report, and an
officer releases or rescinds it like any other. Its revisions begin far above any that its lost events can have had, so that what
happens to it from now on is news to every reader.
"""

from datetime import datetime

from services.blocklist.domain.directive import BLOCK, Directive, DirectiveStatus, NewDirective
from services.blocklist.domain.tally import Tally
from services.blocklist.domain.withholding import Withholding
from services.blocklist.handlers.unit import Unit
from services.blocklist.store import directives
from shared.ids import DirectiveId

UNKNOWN = "unknown"
FAR_ABOVE = 1_000_000


async def hold_place(unit: Unit, id_: DirectiveId, held: Withholding) -> Directive:
    """Stores such a directive, in force where the key is."""
    order = _order(id_, held, held.effective_at)
    directive = Directive(
        id=id_,
        status=DirectiveStatus.IN_FORCE,
        authority=order.authority,
        reference=order.reference,
        legal_basis=order.legal_basis,
        label=order.label,
        interim=False,
        scope=order.scope,
        issued_at=order.issued_at,
        received_at=order.received_at,
        due_at=order.due_at,
        expires_at=None,
        confirmed_at=None,
        revision=FAR_ABOVE,
        tally=Tally({}),
    )
    await directives.add(unit.connection, order, directive)
    return directive


def _order(id_: DirectiveId, held: Withholding, at: datetime) -> NewDirective:
    place = held.key.jurisdiction
    return NewDirective(
        id=id_,
        authority=UNKNOWN,
        reference=id_,
        legal_basis=UNKNOWN,
        kind=BLOCK,
        issued_at=at,
        received_at=at,
        requested_jurisdictions=(place,),
        scope=(place,),
        targets={},
        reason=None,
        due_at=held.due_at,
        expires_at=None,
        supplements=None,
        document=None,
        label=held.label,
        comply_at_intake=False,
        interim=False,
    )
