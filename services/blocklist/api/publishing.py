"""The switch that stops publishing while accepting goes on."""

from typing import Any

from fastapi import APIRouter, Response

from services.blocklist.api import intake, present
from services.blocklist.api.context import Context, Idempotent, answer, carry_out, reply
from services.blocklist.handlers import publishing as handlers
from services.blocklist.handlers.publishing import Resume, Stop
from services.blocklist.handlers.unit import Unit
from services.blocklist.outbox import OUTBOX
from services.blocklist.schemas import ResumeIn, StopIn
from services.blocklist.store import publishing
from services.blocklist.store.idempotency import Answer
from shared.http.pages import decode_cursor, page
from shared.http.query import Cursor, Limit

router = APIRouter(prefix="/v1/publishing", tags=["publishing"])


@router.get("")
async def show_publishing(context: Context) -> dict[str, Any]:
    """Whether publishing is stopped, since when and why, and how many events wait."""
    stop = await context.database.read(publishing.standing)
    unpublished, oldest = await context.database.read(OUTBOX.backlog)
    return {**present.publishing(stop), "unpublished": unpublished, "oldest_at": present.time(oldest)}


@router.get("/stops")
async def list_stops(context: Context, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Every time that publishing was stopped, in that order."""
    (after,) = decode_cursor(cursor, [0])
    rows = await context.database.read(lambda connection: publishing.page(connection, after=after, limit=limit + 1))
    return page(rows, limit, lambda row: [row["seq"]], present.stop)


@router.post("/stop", response_model=None)
async def stop_publishing(body: StopIn, context: Context, attempt: Idempotent) -> Response:
    """Nothing more is published until somebody resumes; orders, decisions and releases are accepted, and kept in the outbox."""
    command = Stop(by=body.by, memo=intake.said("stopping", body.memo))

    async def work(unit: Unit) -> Answer:
        return answer(200, present.publishing(await handlers.stop(unit, command)))

    return reply(await carry_out(context, attempt, body, work))


@router.post("/resume", response_model=None)
async def resume_publishing(body: ResumeIn, context: Context, attempt: Idempotent) -> Response:
    """Everything that was kept is published, in its order. It takes two different people to say so."""
    memo = intake.said("resuming", body.memo)
    intake.check_four_eyes("resuming", body.approvers)
    command = Resume(memo=memo, approvers=tuple(body.approvers))

    async def work(unit: Unit) -> Answer:
        await handlers.resume(unit, command)
        return answer(200, present.publishing(None))

    return reply(await carry_out(context, attempt, body, work))
