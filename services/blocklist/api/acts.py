"""What authorities, committees and courts do to a directive once it is there, for all or some targets."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Response

from services.blocklist.api import intake, present
from services.blocklist.api.context import Context, Idempotent, answer, carry_out, directive_document, reply
from services.blocklist.api.seal import SeesSealed, require_named_visible
from services.blocklist.handlers import endings, interim, staying
from services.blocklist.handlers.endings import Act
from services.blocklist.handlers.supersede import Supersede, supersede
from services.blocklist.handlers.unit import Unit
from services.blocklist.schemas import ActIn, ConfirmIn, RescindIn, SupersedeIn
from services.blocklist.store import directives
from services.blocklist.store.idempotency import Answer
from shared.ids import DirectiveId

router = APIRouter(prefix="/v1/directives", tags=["acts"])


@router.post("/{directive_id}/rescind", response_model=None)
async def rescind_items(directive_id: str, body: RescindIn, context: Context, attempt: Idempotent) -> Response:
    """The authority withdraws the directive, for all or some targets, finally."""
    act = _act(directive_id, body, context)

    async def work(unit: Unit) -> Answer:
        return _done(unit, present.effects(await endings.rescind(unit, act)))

    return reply(await carry_out(context, attempt, body, work))


@router.post("/{directive_id}/quash", response_model=None)
async def quash_items(directive_id: str, body: ActIn, context: Context, attempt: Idempotent) -> Response:
    """A court annuls the directive, for all or some targets, finally."""
    act = _act(directive_id, body, context, court=body.court)

    async def work(unit: Unit) -> Answer:
        return _done(unit, present.effects(await endings.quash(unit, act)))

    return reply(await carry_out(context, attempt, body, work))


@router.post("/{directive_id}/supersede", response_model=None)
async def supersede_directive(
    directive_id: str, body: SupersedeIn, context: Context, sees_sealed: SeesSealed, attempt: Idempotent
) -> Response:
    """A newer directive of the same authority, which is in force, takes the place of this one."""
    command = Supersede(directive=DirectiveId(directive_id), by=DirectiveId(body.by), memo=body.memo)
    old = await context.database.read(lambda connection: directives.outline(connection, command.directive))
    if old:
        await require_named_visible(context, command.by, "/by", authority=old.authority, sees_sealed=sees_sealed)

    async def work(unit: Unit) -> Answer:
        return _done(unit, present.effects(await supersede(unit, command)))

    return reply(await carry_out(context, attempt, body, work))


@router.post("/{directive_id}/stay", response_model=None)
async def stay_items(directive_id: str, body: ActIn, context: Context, attempt: Idempotent) -> Response:
    """A court suspends the directive, for all or some targets: what it claims does not count until the stay is taken back."""
    act = _act(directive_id, body, context, court=body.court)

    async def work(unit: Unit) -> Answer:
        return _done(unit, present.suspended(await staying.stay(unit, act)))

    return reply(await carry_out(context, attempt, body, work))


@router.post("/{directive_id}/unstay", response_model=None)
async def unstay_items(directive_id: str, body: ActIn, context: Context, attempt: Idempotent) -> Response:
    """The stay is taken back, for all or some targets: what it suspended and nothing else has ended is withheld again."""
    act = _act(directive_id, body, context, court=body.court)

    async def work(unit: Unit) -> Answer:
        return _done(unit, asdict(await staying.unstay(unit, act)))

    return reply(await carry_out(context, attempt, body, work))


@router.post("/{directive_id}/confirm", response_model=None)
async def confirm_directive(directive_id: str, context: Context, attempt: Idempotent, body: ConfirmIn | None = None) -> Response:
    """The committee or court confirms an interim directive, or some of its targets: the others lapse when the time is up."""
    sent = body or ConfirmIn()
    act = _act(directive_id, sent, context)

    async def work(unit: Unit) -> Answer:
        confirmed = await interim.confirm(unit, act)
        return _done(unit, await directive_document(unit, confirmed.id))

    return reply(await carry_out(context, attempt, sent, work))


def _act(directive_id: str, sent: RescindIn | ConfirmIn, context: Context, *, court: str | None = None) -> Act:
    selection = intake.read_selection(sent.targets, context.platform)
    return Act(directive=DirectiveId(directive_id), selection=selection, memo=sent.memo, court=court)


def _done(unit: Unit, document: dict[str, Any]) -> Answer:
    return answer(200, {**document, "batch": unit.batch.name})
