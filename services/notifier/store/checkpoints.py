"""The latest checkpoint of each partition, and how far the partition was found to be as it was sent."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, null, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.checkpoints import Checkpoint, Standstill
from services.notifier.tables import checkpoints, offsets
from shared.events import CheckpointMade
from shared.sql import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """`fetched_again`: what differed was asked of the source anew. `settled`: nothing more follows from this checkpoint."""

    checkpoint: Checkpoint
    standstill: Standstill | None
    fetched_again: bool
    settled: bool


async def keep(connection: AsyncConnection, made: Collection[CheckpointMade]) -> None:
    """Keeps the furthest of each partition. Whoever read to the end before one came may not have seen what it speaks of."""
    latest: dict[tuple[str, int], CheckpointMade] = {}
    for each in sorted(made, key=lambda checkpoint: (checkpoint.epoch, checkpoint.sequence)):
        latest[each.topic, each.partition] = each
    if not latest:
        return
    statement = upsert(connection, checkpoints)
    new = statement.excluded
    further = tuple_(checkpoints.c.epoch, checkpoints.c.sequence) <= tuple_(new.epoch, new.sequence)
    changed = {name: new[name] for name in ("epoch", "sequence", "digest", "marked_sequence", "marked_digest", "at")}
    anew = {"settled": false(), "read_to_end_at": null()}
    kept = statement.on_conflict_do_update(
        index_elements=[checkpoints.c.topic, checkpoints.c.partition], set_={**changed, **anew}, where=further
    )
    await connection.execute(kept, [_row(each) for _, each in sorted(latest.items())])


async def unsettled(connection: AsyncConnection) -> list[tuple[str, int]]:
    wanted = select(checkpoints.c.topic, checkpoints.c.partition).where(~checkpoints.c.settled)
    return [(topic, partition) for topic, partition in await connection.execute(wanted)]


async def find(connection: AsyncConnection, topic: str, partition: int) -> Stored | None:
    row = (await connection.execute(select(*checkpoints.c).where(_of(topic, partition)))).mappings().first()
    if row is None:
        return None
    standstill = None if row["behind"] is None else Standstill(row["behind"], row["behind_since"], row["read_to_end_at"])
    checkpoint = Checkpoint(
        row["epoch"], row["sequence"], _bytes(row["digest"]), row["marked_sequence"], _bytes(row["marked_digest"])
    )
    return Stored(checkpoint=checkpoint, standstill=standstill, fetched_again=row["fetched_again"], settled=row["settled"])


async def wait(connection: AsyncConnection, topic: str, partition: int, standstill: Standstill | None) -> None:
    """The partition stands short of its checkpoint; None if it does not."""
    await connection.execute(update(checkpoints).where(_of(topic, partition)).values(_columns(standstill)))


async def standing(connection: AsyncConnection) -> list[tuple[str, int]]:
    """The partitions that stand short of their checkpoint, in the order in which rows are locked."""
    wanted = select(checkpoints.c.topic, checkpoints.c.partition).where(checkpoints.c.behind.is_not(None))
    found = await connection.execute(wanted.order_by(checkpoints.c.topic, checkpoints.c.partition))
    return [(topic, partition) for topic, partition in found]


async def read_to_end(connection: AsyncConnection, topic: str, partition: int, at: datetime) -> None:
    """The partition, if it still stands short of its checkpoint, held nothing then that was not read."""
    stands = and_(_of(topic, partition), checkpoints.c.behind.is_not(None))
    await connection.execute(update(checkpoints).where(stands).values(read_to_end_at=at))


async def settle(connection: AsyncConnection, topic: str, partition: int, *, settled: bool, fetched_again: bool) -> None:
    values = {"settled": settled, "fetched_again": fetched_again, **_columns(None)}
    await connection.execute(update(checkpoints).where(_of(topic, partition)).values(values))


async def oldest(connection: AsyncConnection) -> dict[str, datetime]:
    """By topic, when the partition that was longest ago was last found to be as it was sent, or was first spoken of."""
    verified = func.coalesce(offsets.c.verified_at, checkpoints.c.first_at)
    same = and_(offsets.c.topic == checkpoints.c.topic, offsets.c.partition == checkpoints.c.partition)
    joined = checkpoints.outerjoin(offsets, same)
    wanted = select(checkpoints.c.topic, func.min(verified)).select_from(joined).group_by(checkpoints.c.topic)
    return {row[0]: row[1] for row in await connection.execute(wanted)}


def _row(made: CheckpointMade) -> dict[str, Any]:
    told = {column.name: getattr(made, column.name) for column in checkpoints.c if hasattr(made, column.name)}
    return {**told, "first_at": made.at, "fetched_again": False, "settled": False}


def _columns(standstill: Standstill | None) -> dict[str, Any]:
    behind, since, read_to_end_at = standstill or (None, None, None)
    return {"behind": behind, "behind_since": since, "read_to_end_at": read_to_end_at}


def _bytes(digest: str) -> bytes | None:
    return bytes.fromhex(digest) if digest else None


def _of(topic: str, partition: int) -> ColumnElement[bool]:
    return and_(checkpoints.c.topic == topic, checkpoints.c.partition == partition)
