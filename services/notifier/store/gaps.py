"""What is missing of the partitions by their numbers, and the digests on the way."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, case, delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.stream import Gap
from services.notifier.store.waits import is_due
from services.notifier.tables import stream_gaps, stream_marks
from shared.sql import upsert

fillable = stream_gaps.c.purged_at.is_(None)


async def note(
    connection: AsyncConnection, topic: str, partition: int, found: Sequence[Gap], at: datetime, *, purged: bool = False
) -> None:
    """Records gaps, to be filled as soon as may be, or `purged` from the source too."""
    common = {"topic": topic, "partition": partition, "attempts": 0, "next_try_at": at, "found_at": at}
    rows = [{**common, **gap._asdict(), "purged_at": at if purged else None} for gap in found]
    if rows:
        await connection.execute(upsert(connection, stream_gaps).on_conflict_do_nothing(), rows)


async def find(connection: AsyncConnection, topic: str, partition: int) -> list[Gap]:
    """What of the partition may still be fetched, in its order."""
    wanted = select(stream_gaps.c.first, stream_gaps.c.last).where(_of(stream_gaps, topic, partition), fillable)
    return [Gap(*row) for row in await connection.execute(wanted.order_by(stream_gaps.c.first, stream_gaps.c.last))]


async def waiting(connection: AsyncConnection, now: datetime) -> Mapping[tuple[str, int], bool]:
    """The partitions of which something may still be fetched, and whether the time for the next try has come."""
    due = is_due(func.min(stream_gaps.c.next_try_at), now)
    columns = (stream_gaps.c.topic, stream_gaps.c.partition)
    found = await connection.execute(select(*columns, due).where(fillable).group_by(*columns))
    return {(topic, partition): bool(is_due) for topic, partition, is_due in found}


async def remove(connection: AsyncConnection, topic: str, partition: int, gone: Collection[Gap]) -> None:
    if gone:
        these = tuple_(stream_gaps.c.first, stream_gaps.c.last).in_([tuple(gap) for gap in gone])
        await connection.execute(delete(stream_gaps).where(_of(stream_gaps, topic, partition), these))


async def postpone(connection: AsyncConnection, topic: str, partition: int, until: datetime) -> None:
    """Counts a try in vain."""
    values = {"attempts": stream_gaps.c.attempts + 1, "next_try_at": until}
    await connection.execute(update(stream_gaps).where(_of(stream_gaps, topic, partition), fillable).values(values))


async def any_purged(connection: AsyncConnection, topic: str) -> bool:
    wanted = select(stream_gaps.c.first).where(stream_gaps.c.topic == topic, ~fillable).limit(1)
    return (await connection.execute(wanted)).first() is not None


async def settle(connection: AsyncConnection, topic: str, *, found_before: datetime) -> None:
    """What was purged is made up for: everything that the source has now was compared since."""
    made_up_for = and_(stream_gaps.c.topic == topic, ~fillable, stream_gaps.c.found_at < found_before)
    await connection.execute(delete(stream_gaps).where(made_up_for))


async def count(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """By topic and state, how many there are."""
    state = case((fillable, "waiting"), else_="purged")
    found = await connection.execute(select(stream_gaps.c.topic, state, func.count()).group_by(stream_gaps.c.topic, state))
    return {(topic, kind): number for topic, kind, number in found}


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


async def marked(connection: AsyncConnection, topic: str, partition: int, sequence: int) -> bytes | None:
    """The digest there, if it was kept."""
    wanted = select(stream_marks.c.digest).where(_of(stream_marks, topic, partition), stream_marks.c.sequence == sequence)
    found = (await connection.execute(wanted)).scalar()
    return bytes.fromhex(found) if found else None


async def forget_marks(connection: AsyncConnection, topic: str, partition: int, *, below: int | None = None) -> None:
    """They were compared, or are of a history that is no more."""
    compared = stream_marks.c.sequence < below if below is not None else stream_marks.c.sequence >= 0
    await connection.execute(delete(stream_marks).where(_of(stream_marks, topic, partition), compared))


_range = (stream_gaps.c.first, stream_gaps.c.last)


def _of(table: Table, topic: str, partition: int) -> ColumnElement[bool]:
    return and_(table.c.topic == topic, table.c.partition == partition)
