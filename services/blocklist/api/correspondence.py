"""What the authority and the platform write to each other, and what becomes of an order that lacks something."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response

from services.blocklist.api import intake, present
from services.blocklist.api.context import Context, Idempotent, answer, carry_out, directive_document, reply
from services.blocklist.handlers import correspondence, validity
from services.blocklist.handlers.correspondence import Notice, Reply
from services.blocklist.handlers.unit import Unit
from services.blocklist.schemas import AcceptIn, NoticeIn, RejectIn, ReplyIn
from services.blocklist.store.idempotency import Answer
from shared.http.problems import invalid
from shared.ids import DirectiveId

router = APIRouter(prefix="/v1/directives", tags=["correspondence"])


@router.post("/{directive_id}/notices", status_code=201, response_model=None)
async def add_notice(directive_id: str, body: NoticeIn, context: Context, attempt: Idempotent) -> Response:
    """Records an authority's follow-up. A clarification that brings the last missing element brings the directive into force."""
    notice = _notice(directive_id, body, context.clock())

    async def work(unit: Unit) -> Answer:
        accepted = await correspondence.add_notice(unit, notice)
        document = {
            "id": notice.id,
            "directive": directive_id,
            **present.notice(_fields(notice)),
            "status": accepted.directive.status.value,
            "missing_elements": list(accepted.directive.missing),
            "withholdings_changed": accepted.withholdings_changed,
        }
        return answer(201, document, location=f"/v1/directives/{directive_id}")

    return reply(await carry_out(context, attempt, body, work))


@router.post("/{directive_id}/replies", status_code=201, response_model=None)
async def add_reply(directive_id: str, body: ReplyIn, context: Context, attempt: Idempotent) -> Response:
    """Records what the platform answered the authority."""
    sent = _reply(directive_id, body, context.clock())

    async def work(unit: Unit) -> Answer:
        await correspondence.add_reply(unit, sent)
        document = {"id": sent.id, "directive": directive_id, **present.reply(_fields(sent))}
        return answer(201, document, location=f"/v1/directives/{directive_id}")

    return reply(await carry_out(context, attempt, body, work))


@router.post("/{directive_id}/accept", response_model=None)
async def accept_directive(directive_id: str, context: Context, attempt: Idempotent, body: AcceptIn | None = None) -> Response:
    """The platform does without the elements that are missing: the directive comes into force as it is."""
    sent = body or AcceptIn()

    async def work(unit: Unit) -> Answer:
        accepted = await validity.accept(unit, DirectiveId(directive_id), sent.memo)
        changed = {"withholdings_changed": accepted.withholdings_changed, "batch": unit.batch.name}
        return answer(200, {**await directive_document(unit, accepted.directive.id), **changed})

    return reply(await carry_out(context, attempt, sent, work))


@router.post("/{directive_id}/reject", response_model=None)
async def reject_directive(directive_id: str, body: RejectIn, context: Context, attempt: Idempotent) -> Response:
    """The platform holds that the order, which lacks something, is no valid one."""
    if not body.memo.strip():
        raise invalid("a rejection needs a memo", "/memo")

    async def work(unit: Unit) -> Answer:
        rejected = await validity.reject(unit, DirectiveId(directive_id), body.memo)
        return answer(200, await directive_document(unit, rejected.id))

    return reply(await carry_out(context, attempt, body, work))


def _notice(directive_id: str, sent: NoticeIn, now: datetime) -> Notice:
    received_at = sent.received_at or now
    intake.check_not_future("issued_at", sent.issued_at, now)
    intake.check_not_future("received_at", received_at, now)
    if received_at < sent.issued_at:
        raise invalid("a notice cannot be received before it was issued", "/received_at")
    if sent.elements and sent.kind != "clarification":
        raise invalid("only a clarification brings elements of the order", "/elements")
    return Notice(
        id=intake.new_id("ntc"),
        directive=DirectiveId(directive_id),
        kind=sent.kind,
        issued_at=sent.issued_at,
        received_at=received_at,
        provision=sent.provision,
        text=sent.text,
        due_at=sent.due_at,
        elements={element.value: text for element, text in sent.elements.items()},
    )


def _reply(directive_id: str, sent: ReplyIn, now: datetime) -> Reply:
    intake.check_not_future("sent_at", sent.sent_at or now, now)
    for name, value in (("cause", sent.cause), ("impediment_ended_at", sent.impediment_ended_at)):
        if value and sent.kind != "impossibility":
            raise invalid(f"{name} belongs to an impossibility", f"/{name}")
    if sent.impediment_ended_at:
        intake.check_not_future("impediment_ended_at", sent.impediment_ended_at, now)
    return Reply(
        id=intake.new_id("rpl"),
        directive=DirectiveId(directive_id),
        kind=sent.kind,
        text=sent.text,
        sent_at=sent.sent_at or now,
        cause=sent.cause,
        impediment_ended_at=sent.impediment_ended_at,
    )


def _fields(value: Notice | Reply) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__slots__}
