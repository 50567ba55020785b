"""What is missing of the partitions by their numbers, and the digests on the way."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, delete
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.stream import Gap
from services.notifier.tables import stream_gaps, stream_marks
from shared.sql import upsert


async def note(connection: AsyncConnection, topic: str, partition: int, found: Sequence[Gap], at: datetime) -> None:
    """Records gaps, to be filled as soon as may be."""
    rows = [
        {"topic": topic, "partition": partition, **gap._asdict(), "attempts": 0, "next_try_at": at, "found_at": at}
        for gap in found
    ]
    if rows:
        await connection.execute(upsert(connection, stream_gaps).on_conflict_do_nothing(), rows)


async def forget_marks(connection: AsyncConnection, topic: str, partition: int) -> None:
    """They are of a history that is no more."""
    await connection.execute(delete(stream_marks).where(_of(stream_marks, topic, partition)))


async def mark(connection: AsyncConnection, topic: str, partition: int, marks: Mapping[int, bytes]) -> None:
    """Keeps digests by their sequence."""
    rows = [
        {"topic": topic, "partition": partition, "sequence": sequence, "digest": digest.hex()}
        for sequence, digest in marks.items()
    ]
    if rows:
        statement = upsert(connection, stream_marks)
        kept = statement.on_conflict_do_update(
            index_elements=list(stream_marks.primary_key.columns), set_={"digest": statement.excluded.digest}
        )
        await connection.execute(kept, rows)


def _of(table: Table, topic: str, partition: int) -> ColumnElement[bool]:
    return and_(table.c.topic == topic, table.c.partition == partition)
