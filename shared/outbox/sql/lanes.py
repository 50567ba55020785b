"""What happens inside a lane: the statements of `LaneStore`, each in a transaction that its caller has begun.

Would break it: numbering without the lane's row locked by a statement of its own before. A statement sees the rows as they were
when it began, so one that waited for the lock would number again what was numbered meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, literal, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.outbox.port import CHECKPOINT_ANYWAY, CHECKPOINT_EVERY, Batch, Hold, Numbered, Owner, Progress
from shared.outbox.sql.tables import RelayTables, database_now
from shared.outbox.table import Lane
from shared.system import FIRST_EPOCH


@dataclass(frozen=True, slots=True)
class Locked:
    """A lane as it stands, until the end of the transaction."""

    hold: Hold
    assigned: int
    progress: Progress
    checkpointed: int
    system_epoch: int


async def take(connection: AsyncConnection, tables: RelayTables, owner: Owner, holds: Sequence[Hold], rows: int) -> list[Batch]:
    waiting = await _locked(connection, tables, _waiting(tables, owner, holds))
    return [
        Batch(lane.hold, lane.system_epoch, lane.progress, await _next_rows(connection, tables, lane, rows)) for lane in waiting
    ]


def _waiting(tables: RelayTables, owner: Owner, holds: Sequence[Hold]) -> Any:
    """Those of the lanes in which something is numbered and not yet marked, or waits to be numbered."""
    lanes, outbox = tables.lanes.c, tables.outbox.table
    here = and_(outbox.c.topic == lanes.topic, outbox.c.partition == lanes.partition)
    fresh = select(literal(1)).where(here, outbox.c.published_at.is_(None), outbox.c.sequence.is_(None)).correlate(tables.lanes)
    return and_(lanes.owner == owner, tables.any_of(holds), or_(lanes.assigned > lanes.published, fresh.exists()))


async def _locked(connection: AsyncConnection, tables: RelayTables, which: Any) -> list[Locked]:
    lanes, system = tables.lanes.c, tables.system.c
    progress = (lanes.published, lanes.digest, lanes.marked_sequence, lanes.marked_digest)
    epoch = func.coalesce(select(system.epoch).scalar_subquery(), FIRST_EPOCH)
    found = await connection.execute(
        select(lanes.topic, lanes.partition, lanes.epoch, lanes.assigned, lanes.checkpointed, epoch, *progress)
        .where(which)
        .order_by(lanes.topic, lanes.partition)
        .with_for_update(of=tables.lanes)
    )
    return [
        Locked(Hold(Lane(topic, partition), epoch), assigned, Progress(*known), checkpointed, system_epoch)
        for topic, partition, epoch, assigned, checkpointed, system_epoch, *known in found
    ]


async def _next_rows(connection: AsyncConnection, tables: RelayTables, lane: Locked, limit: int) -> tuple[Numbered, ...]:
    """What is numbered and not yet marked comes again, and nothing beside it; otherwise the oldest rows get their numbers."""
    if lane.assigned > lane.progress.sequence:
        return _rows(await connection.execute(_numbered(tables, lane.hold.lane, lane.progress.sequence)))
    return await _number(connection, tables, lane, limit)


def _numbered(tables: RelayTables, lane: Lane, after: int) -> Select[Any]:
    columns = tables.outbox.table.c
    return (
        select(columns.id, columns.sequence, columns.events, columns.kind, columns.body)
        .where(columns.topic == lane.topic, columns.partition == lane.partition, columns.sequence > after)
        .order_by(columns.sequence)
    )


async def _number(connection: AsyncConnection, tables: RelayTables, lane: Locked, limit: int) -> tuple[Numbered, ...]:
    outbox = tables.outbox.table
    columns, (topic, partition) = outbox.c, lane.hold.lane
    oldest = (
        select(columns.id, columns.events)
        .where(columns.topic == topic, columns.partition == partition)
        .where(columns.published_at.is_(None), columns.sequence.is_(None))
        .order_by(columns.id)
        .limit(limit)
        .subquery()
    )
    before = func.sum(oldest.c.events).over(order_by=oldest.c.id) - oldest.c.events
    given = select(oldest.c.id, (lane.assigned + 1 + before).label("sequence")).subquery()
    rows = _rows(
        await connection.execute(
            update(outbox)
            .where(columns.id == given.c.id)
            .values(sequence=given.c.sequence)
            .returning(columns.id, columns.sequence, columns.events, columns.kind, columns.body)
        )
    )
    assigned = lane.assigned + sum(row.events for row in rows)
    await connection.execute(update(tables.lanes).where(tables.of(lane.hold.lane)).values(assigned=assigned))
    return rows


def _rows(found: Any) -> tuple[Numbered, ...]:
    return tuple(sorted((Numbered(*row) for row in found), key=lambda row: row.sequence))


async def mark(
    connection: AsyncConnection,
    tables: RelayTables,
    owner: Owner,
    batch: Batch,
    until: Progress,
    *,
    offset: int | None,
    at: datetime,
) -> bool:
    outbox = tables.outbox.table
    advanced = await connection.execute(
        update(tables.lanes)
        .where(tables.held(owner, batch.hold))
        .values(
            published=until.sequence,
            digest=until.digest,
            marked_sequence=until.marked_sequence,
            marked_digest=until.marked_digest,
            halted_at=null(),
            halted_reason=null(),
        )
    )
    if not advanced.rowcount:
        return False
    ids = [row.id for row in batch.rows]
    await connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(published_at=at, kafka_offset=offset))
    return True


async def halt(connection: AsyncConnection, tables: RelayTables, owner: Owner, hold: Hold, *, reason: str, at: datetime) -> None:
    since = func.coalesce(tables.lanes.c.halted_at, at)
    halted = update(tables.lanes).where(tables.held(owner, hold)).values(halted_at=since, halted_reason=reason)
    await connection.execute(halted)


async def checkpointed(connection: AsyncConnection, tables: RelayTables, owner: Owner, *, besides: str) -> list[Locked]:
    """The lanes whose checkpoint is due, now noted as made. Those of the topic that checkpoints are told on have none."""
    due = await _locked(connection, tables, _due(connection, tables, owner, besides))
    for lane in due:
        values = {"checkpointed": lane.progress.sequence, "checkpointed_at": database_now(connection)}
        await connection.execute(update(tables.lanes).where(tables.of(lane.hold.lane)).values(values))
    return due


def _due(connection: AsyncConnection, tables: RelayTables, owner: Owner, besides: str) -> Any:
    lanes = tables.lanes.c
    old, very_old = (lanes.checkpointed_at <= database_now(connection, -age) for age in (CHECKPOINT_EVERY, CHECKPOINT_ANYWAY))
    first = lanes.checkpointed_at.is_(None)
    something_new = lanes.published > lanes.checkpointed
    wanted = or_(first, very_old, and_(old, something_new))
    return and_(lanes.owner == owner, lanes.topic != besides, lanes.published > 0, wanted)
