"""Appeals of those whom a withholding affects. Their text is for the operator alone: it is in no event and no export."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from services.blocklist.api import intake, present
from services.blocklist.api.context import Context, Idempotent, Services, answer, carry_out, reply
from services.blocklist.api.queries import Named, OfTarget
from services.blocklist.api.seal import SeesSealed, require_visible
from services.blocklist.domain.appeal import AppealState
from services.blocklist.errors import unknown_appeal
from services.blocklist.handlers import appeals as handlers
from services.blocklist.handlers.appeals import Conclusion, NewAppeal
from services.blocklist.handlers.unit import Unit
from services.blocklist.schemas import AppealIn, OutcomeIn
from services.blocklist.store import appeals
from services.blocklist.store.idempotency import Answer
from services.blocklist.store.rows import Row
from shared.http.fields import read_target
from shared.http.pages import decode_cursor, page
from shared.http.query import Cursor, Limit
from shared.ids import DirectiveId

router = APIRouter(prefix="/v1/appeals", tags=["appeals"])

IdPath = Annotated[str, Path(max_length=64)]


@router.post("", status_code=201, response_model=None)
async def receive_appeal(body: AppealIn, context: Context, sees_sealed: SeesSealed, attempt: Idempotent) -> Response:
    """Records an appeal against one directive's claim on one target."""
    directive, now = DirectiveId(body.directive), context.clock()
    await require_visible(context, directive, sees_sealed=sees_sealed)
    target = read_target(body.target, context.platform, pointer="/target")
    received_at = body.received_at or now
    intake.check_not_future("received_at", received_at, now)
    new = NewAppeal(id=intake.new_id("apl"), directive=directive, target=target, text=body.text, received_at=received_at)

    async def work(unit: Unit) -> Answer:
        row = await handlers.receive(unit, new)
        return answer(201, present.appeal(row), location=f"/v1/appeals/{new.id}")

    return reply(await carry_out(context, attempt, body, work))


@router.get("")
async def list_appeals(
    context: Context,
    sees_sealed: SeesSealed,
    target: OfTarget,
    directive: Named = None,
    state: AppealState | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Appeals in the order of their arrival."""
    asked = {"directive": directive, "target": target, "state": state}
    filters = {name: value for name, value in asked.items() if value is not None}
    (after,) = decode_cursor(cursor, [0])
    rows = await context.database.read(
        lambda connection: appeals.page(connection, filters, sealed_too=sees_sealed, after=after, limit=limit + 1)
    )
    return page(rows, limit, lambda row: [row["seq"]], present.appeal)


@router.get("/{appeal_id}")
async def show_appeal(appeal_id: IdPath, context: Context, sees_sealed: SeesSealed) -> dict[str, Any]:
    """One appeal with its text and its outcome."""
    return present.appeal(await _visible(context, appeal_id, sees_sealed=sees_sealed))


@router.post("/{appeal_id}/outcome", response_model=None)
async def conclude_appeal(
    appeal_id: IdPath, body: OutcomeIn, context: Context, sees_sealed: SeesSealed, attempt: Idempotent
) -> Response:
    """Upholds the appeal, which ends the directive's claim on the target, or rejects it."""
    await _visible(context, appeal_id, sees_sealed=sees_sealed)
    conclusion = Conclusion(appeal=appeal_id, outcome=body.outcome, memo=body.memo, approvers=tuple(body.approvers))

    async def work(unit: Unit) -> Answer:
        row, done = await handlers.answer(unit, conclusion)
        return answer(200, {**present.appeal(row), **present.effects(done), "batch": unit.batch.name})

    return reply(await carry_out(context, attempt, body, work))


async def _visible(context: Services, appeal_id: str, *, sees_sealed: bool) -> Row:
    row = await context.database.read(lambda connection: appeals.find(connection, appeal_id))
    if row is None:
        raise unknown_appeal(appeal_id)
    await require_visible(context, row["directive"], sees_sealed=sees_sealed, refusal=unknown_appeal(appeal_id))
    return row
