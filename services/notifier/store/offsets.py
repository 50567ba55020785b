"""How far each partition has taken effect. Kept here, in the transaction of the effect; Kafka's own offsets are a hint."""

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.tables import offsets
from shared.sql import upsert


async def locked(connection: AsyncConnection, topic: str, partition: int) -> int:
    """The next offset to take effect, 0 if none has; whoever else works on the partition waits for this transaction."""
    first = {"topic": topic, "partition": partition, "next_offset": 0}
    await connection.execute(upsert(connection, offsets).values(first).on_conflict_do_nothing())
    found = await connection.execute(select(offsets.c.next_offset).where(_of(topic, partition)).with_for_update())
    return int(found.scalar_one())


async def save(connection: AsyncConnection, topic: str, partition: int, next_offset: int) -> None:
    await connection.execute(update(offsets).where(_of(topic, partition)).values(next_offset=next_offset))


async def find(connection: AsyncConnection, topic: str, partition: int) -> int | None:
    found = await connection.execute(select(offsets.c.next_offset).where(_of(topic, partition)))
    return found.scalar()


async def forget(connection: AsyncConnection, topic: str, partition: int) -> None:
    """Everything of the partition is read again; what has been seen has no effect a second time."""
    await connection.execute(delete(offsets).where(_of(topic, partition)))


def _of(topic: str, partition: int) -> ColumnElement[bool]:
    return and_(offsets.c.topic == topic, offsets.c.partition == partition)
