"""What a reply's document is made from: the record as it was when the reply was sent. Reads only."""

from collections.abc import Iterable
from datetime import datetime

from services.notifier import errors
from services.notifier.documents import Dossier, Law, Party, Platform, Received, Sent
from services.notifier.domain.case import Directive
from services.notifier.domain.outcomes import lines_of
from services.notifier.handlers.unit import Unit
from services.notifier.store import correspondence, directives
from services.notifier.store.correspondence import Notice, Reply
from services.notifier.store.traces import past_of
from shared.ids import DirectiveId

_INCOMPLETE = ("awaiting_clarification", "rejected")
"""The states in which elements that an order lacked are still missing; nobody needs them once it is in force."""


async def replies_on(unit: Unit, id_: DirectiveId) -> list[Reply]:
    """In the order in which they were sent. Raises Refusal if nothing has been heard of the directive."""
    await _directive(unit, id_)
    return await correspondence.replies_of(unit.connection, id_)


async def dossier_of(unit: Unit, id_: DirectiveId, reply_id: str, platform: Platform) -> Dossier:
    """Raises Refusal if nothing has been heard of the directive, or of the reply."""
    present = await _directive(unit, id_)
    sent = await correspondence.replies_of(unit.connection, id_)
    reply = next((each for each in sent if each.id == reply_id), None)
    if reply is None:
        raise errors.unknown_reply(reply_id)
    directive, at = await _as_it_was(unit, present, reply)
    notices = await correspondence.notices_of(unit.connection, id_, as_of=at)
    past = await past_of(unit.connection, [directive], at)
    return Dossier(
        platform=platform,
        authority=_authority(unit, directive),
        law=_law(unit, directive),
        directive=directive,
        reply=_sent(reply),
        as_of=at,
        lines=tuple(lines_of(directive, past.told[id_], past.traces_of(id_))),
        notices=tuple(map(_received, notices)),
        earlier=tuple(_sent(each) for each in sent if each.sent_at <= reply.sent_at and each is not reply),
        missing=_missing(directive, notices),
    )


async def _directive(unit: Unit, id_: DirectiveId) -> Directive:
    directive = await directives.find(unit.connection, id_)
    if directive is None:
        raise errors.unknown_directive(id_)
    return directive


async def _as_it_was(unit: Unit, directive: Directive, reply: Reply) -> tuple[Directive, datetime]:
    """When the reply was sent. One that was sent before anything was recorded is seen from its own record."""
    at = reply.sent_at
    was = await directives.as_of(unit.connection, [directive], at)
    if not was:
        at = reply.recorded_at
        was = await directives.as_of(unit.connection, [directive], at)
    return was.get(directive.id, directive), at


def _missing(directive: Directive, notices: Iterable[Notice]) -> tuple[str, ...]:
    supplied = {element for notice in notices for element in notice.supplied}
    return tuple(each for each in directive.missing if each not in supplied) if directive.status in _INCOMPLETE else ()


def _authority(unit: Unit, directive: Directive) -> Party:
    known = unit.registry.authorities.get(directive.authority or "")
    return Party(id=directive.authority, name=known.name if known else directive.authority or "the issuing authority")


def _law(unit: Unit, directive: Directive) -> Law:
    basis = unit.registry.basis(directive.legal_basis, directive.issued_at)
    if basis is None:
        return Law(id=directive.legal_basis)
    return Law(id=basis.id, instrument=basis.instrument, section=basis.section)


def _sent(reply: Reply) -> Sent:
    return Sent(
        id=reply.id,
        kind=reply.kind,
        sent_at=reply.sent_at,
        cause=reply.cause,
        impediment_ended_at=reply.impediment_ended_at,
    )


def _received(notice: Notice) -> Received:
    return Received(id=notice.id, kind=notice.kind, provision=notice.provision, received_at=notice.received_at)
