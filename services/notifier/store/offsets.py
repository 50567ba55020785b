"""How far each partition has taken effect, and how far its numbers were followed.

Kept here, in the transaction of the effect; Kafka's own offsets are a hint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.stream import Lane
from services.notifier.tables import offsets
from shared.sql import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Every record below `next_offset` has taken effect."""

    next_offset: int
    lane: Lane


async def locked(connection: AsyncConnection, topic: str, partition: int) -> Progress:
    """How far it is, 0 if nothing has come; whoever else works on the partition waits for this transaction."""
    first = {"topic": topic, "partition": partition, "next_offset": 0}
    await connection.execute(upsert(connection, offsets).values(first).on_conflict_do_nothing())
    found = await connection.execute(select(*offsets.c).where(_of(topic, partition)).with_for_update())
    row = found.mappings().one()
    return Progress(next_offset=row["next_offset"], lane=lane_of(row))


async def save(connection: AsyncConnection, topic: str, partition: int, progress: Progress) -> None:
    values = {"next_offset": progress.next_offset, **_columns(progress.lane)}
    await connection.execute(update(offsets).where(_of(topic, partition)).values(values))


async def find(connection: AsyncConnection, topic: str, partition: int) -> int | None:
    found = await connection.execute(select(offsets.c.next_offset).where(_of(topic, partition)))
    return found.scalar()


async def rewind(connection: AsyncConnection, topic: str, partition: int, offset: int) -> None:
    """The partition is read again from `offset` on. What has been seen, by its numbers and versions, has no effect again."""
    await connection.execute(update(offsets).where(_of(topic, partition)).values(next_offset=offset))


def lane_of(row: Mapping[Any, Any]) -> Lane:
    """A lane of which nothing numbered has come is at its beginning."""
    if row["sequence"] is None:
        return Lane()
    digest = bytes.fromhex(row["digest"]) if row["digest"] else None
    return Lane(row["epoch"], row["sequence"], row["digested"], digest)


def _columns(lane: Lane) -> dict[str, Any]:
    if not lane.sequence:
        return {}
    digest = lane.digest.hex() if lane.digest else None
    return {"epoch": lane.epoch, "sequence": lane.sequence, "digested": lane.digested, "digest": digest}


def _of(topic: str, partition: int) -> ColumnElement[bool]:
    return and_(offsets.c.topic == topic, offsets.c.partition == partition)
