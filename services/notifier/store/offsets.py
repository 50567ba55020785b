"""How far each partition has taken effect, and how far its numbers were followed.

Kept here, in the transaction of the effect; Kafka's own offsets are a hint.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.checkpoints import Verified
from services.notifier.domain.stream import BEGINNING, Lane
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


async def progress(connection: AsyncConnection, topic: str, partition: int) -> Progress:
    """How far it is, without waiting for anybody."""
    found = await connection.execute(select(*offsets.c).where(_of(topic, partition)))
    row = found.mappings().first()
    return Progress(next_offset=row["next_offset"], lane=lane_of(row)) if row else Progress(next_offset=0, lane=Lane())


async def undigested(connection: AsyncConnection) -> list[tuple[str, int]]:
    """Partitions whose digest is known and lags behind their numbers."""
    lags = and_(offsets.c.digest.is_not(None), offsets.c.digested < offsets.c.sequence)
    found = await connection.execute(select(offsets.c.topic, offsets.c.partition).where(lags))
    return [(topic, partition) for topic, partition in found]


async def verified(connection: AsyncConnection, topic: str, partition: int) -> Verified:
    """How far the partition was found to be as it was sent; its beginning if it never was."""
    wanted = select(offsets.c.verified_sequence, offsets.c.verified_digest).where(_of(topic, partition))
    sequence, digest = (await connection.execute(wanted)).one()
    return Verified(sequence, bytes.fromhex(digest)) if digest else Verified(0, BEGINNING)


async def verify(connection: AsyncConnection, topic: str, partition: int, found: Verified, at: datetime) -> None:
    """The partition was found to be as it was sent, so far."""
    values = {"verified_sequence": found.sequence, "verified_digest": found.digest.hex(), "verified_at": at}
    await connection.execute(update(offsets).where(_of(topic, partition)).values(values))


async def unverify(connection: AsyncConnection, topic: str, partition: int) -> None:
    """What it was compared up to is of a history that is no more; no digest goes on from there."""
    values = {"verified_sequence": None, "verified_digest": None}
    await connection.execute(update(offsets).where(_of(topic, partition)).values(values))


async def find(connection: AsyncConnection, topic: str, partition: int) -> int | None:
    """The next offset; None if nothing has come, wherever the partition begins."""
    found = await connection.execute(select(offsets.c.next_offset).where(_of(topic, partition)))
    return found.scalar() or None


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
