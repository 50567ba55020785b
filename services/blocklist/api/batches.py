"""Batches: what each write did, and the way to take it back."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from services.blocklist.api import intake, present
from services.blocklist.api.context import Context, Idempotent, Services, answer, carry_out, reply
from services.blocklist.api.seal import SeesSealed
from services.blocklist.domain.batch import BatchId, BatchKind
from services.blocklist.errors import unknown_batch
from services.blocklist.handlers.undo import undo_batch
from services.blocklist.handlers.unit import Unit
from services.blocklist.schemas import UndoIn
from services.blocklist.store import batches
from services.blocklist.store.idempotency import Answer
from services.blocklist.store.rows import Row
from shared.http.pages import decode_cursor, page
from shared.http.query import Cursor, Limit

router = APIRouter(prefix="/v1/batches", tags=["batches"])

IdPath = Annotated[str, Path(max_length=64)]


@router.get("")
async def list_batches(
    context: Context, sees_sealed: SeesSealed, kind: BatchKind | None = None, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """Every write that changed items, in the order in which they were made."""
    (after,) = decode_cursor(cursor, [0])
    rows = await context.database.read(partial(batches.page, kind=kind, sealed=sees_sealed, after=after, limit=limit + 1))
    return page(rows, limit, lambda row: [row["seq"]], present.batch)


@router.get("/{batch_id}")
async def show_batch(batch_id: IdPath, context: Context, sees_sealed: SeesSealed) -> dict[str, Any]:
    """One batch: what it did, why, and which batches took something of it back."""
    row = await _seen(batch_id, context, sealed=sees_sealed)
    undone_by = await context.database.read(lambda connection: batches.undone_by(connection, BatchId(batch_id)))
    return {**present.batch(row), "undone_by": undone_by}


@router.post("/{batch_id}/undo", response_model=None)
async def take_back(batch_id: IdPath, body: UndoIn, context: Context, attempt: Idempotent, sees_sealed: SeesSealed) -> Response:
    """Takes back what the batch did and nobody has touched since. A batch of its own, which can be taken back in turn."""
    await _seen(batch_id, context, sealed=sees_sealed)
    command = intake.admit_undo(BatchId(batch_id), body)

    async def work(unit: Unit) -> Answer:
        undone = present.undone(await undo_batch(unit, command))
        return answer(200, {"batch": unit.batch.name, "undoes": batch_id, **undone})

    return reply(await carry_out(context, attempt, body, work))


async def _seen(batch_id: str, context: Services, *, sealed: bool) -> Row:
    """The batch. Raises Refusal if there is none, or none that the request may see."""
    row = await context.database.read(lambda connection: batches.find(connection, BatchId(batch_id), sealed=sealed))
    if row is None:
        raise unknown_batch(batch_id)
    return row
