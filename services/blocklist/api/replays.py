"""Publishing again what was published, for readers that have lost some of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from services.blocklist.api import chosen, present
from services.blocklist.api.context import Context, Idempotent, answer, reply
from services.blocklist.api.seal import require_key
from services.blocklist.domain.replay import as_stored
from services.blocklist.handlers import replays as handlers
from services.blocklist.handlers.unit import Unit
from services.blocklist.schemas import ReplayIn
from services.blocklist.store import replays
from services.blocklist.store.idempotency import Answer
from shared.http.pages import decode_cursor, page
from shared.http.problems import Kind, Refusal
from shared.http.query import Cursor, Limit

router = APIRouter(prefix="/v1/admin/replays", tags=["admin"], dependencies=[Depends(require_key)])


@router.post("", response_model=None)
async def start_replay(body: ReplayIn, context: Context, attempt: Idempotent) -> Response:
    """Queues every version of what is chosen again. Readers drop what they have; safe at any time.

    Exactly one of `key`, `directive`, `jurisdiction`, `topic` with `partition`, and `everything`. It goes on by itself, also over
    restarts; with `dry_run` it is only counted.
    """
    selector = chosen.admit_replay(body, context.topics)
    await context.database.read(lambda connection: chosen.check_there(connection, selector))
    if body.dry_run:
        amount = await context.database.report(lambda connection: handlers.count(connection, context.topics, selector))
        return reply(answer(200, {**as_stored(selector), "state": "rehearsed", "keys": amount.keys, "events": amount.events}))

    async def work(unit: Unit) -> Answer:
        shown = present.replay(await handlers.start(unit, selector))
        return answer(202, shown, location=f"/v1/admin/replays/{shown['id']}")

    return reply(await context.commands.answer(attempt, work))


@router.get("")
async def list_replays(context: Context, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Every replay, in the order in which they were started."""
    (after,) = decode_cursor(cursor, [0])
    rows = await context.database.read(lambda connection: replays.page(connection, after=after, limit=limit + 1))
    return page(rows, limit, lambda row: [row["seq"]], present.replay)


@router.get("/{replay_id}")
async def show_replay(replay_id: Annotated[str, Path(max_length=64)], context: Context) -> dict[str, Any]:
    """What is queued by now. `done` says that everything is; the relay may still be at it."""
    row = await context.database.read(lambda connection: replays.find(connection, replay_id))
    if row is None:
        raise Refusal(Kind.NOT_FOUND, f"there is no replay {replay_id!r}")
    return present.replay(row)
