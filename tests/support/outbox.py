"""A look at what an outbox holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events import Record
from shared.outbox.table import Lane, Outbox


@dataclass(frozen=True, slots=True)
class Entry:
    """One row that waits: its events, in order, without their positions."""

    id: int
    records: Sequence[Record]


async def waiting_lanes(connection: AsyncConnection, outbox: Outbox) -> list[Lane]:
    columns = outbox.table.c
    waiting = select(columns.topic, columns.partition).where(columns.published_at.is_(None)).distinct()
    return sorted(Lane(topic, partition) for topic, partition in await connection.execute(waiting))


async def unpublished(connection: AsyncConnection, outbox: Outbox, lane: Lane, limit: int = 10**6) -> list[Entry]:
    """The lane's rows that nobody has marked, in the order in which they are published."""
    columns = outbox.table.c
    found = await connection.execute(
        select(columns.id, columns.kind, columns.body)
        .where(columns.topic == lane.topic, columns.partition == lane.partition, columns.published_at.is_(None))
        .order_by(columns.sequence.is_(None), columns.sequence, columns.id)
        .limit(limit)
    )
    return [Entry(id_, list(outbox.records(form, body))) for id_, form, body in found]


async def queued_in(connection: AsyncConnection, outbox: Outbox) -> list[Record]:
    """Every event that waits, lane by lane."""
    lanes = await waiting_lanes(connection, outbox)
    return [record for lane in lanes for entry in await unpublished(connection, outbox, lane) for record in entry.records]


async def mark_published(connection: AsyncConnection, outbox: Outbox, ids: Sequence[int], at: datetime) -> None:
    """As if these rows had been published before there were numbers."""
    await connection.execute(update(outbox.table).where(outbox.table.c.id.in_(ids)).values(published_at=at))
