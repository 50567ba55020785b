"""A relay in one call: what waits in an outbox goes to the broker, numbered, and is marked; all of it, or some topics only."""

from collections import defaultdict
from collections.abc import Collection

from aiokafka import AIOKafkaProducer
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.outbox import OUTBOX
from services.blocklist.tables import outbox, relay_lanes, system
from shared.db import Database
from shared.events import Position, placed
from shared.kafka import ensure_topics
from shared.outbox.table import Lane
from shared.sql import upsert
from shared.system import find
from shared.topics import Topics
from tests.support.builders import NOON


async def publish(
    url: str, broker: str, topics: Topics, *, only: Collection[str] = (), keys: Collection[str] = (), mark: bool = True
) -> int:
    """Answers how many events were published. `only` names topics; nothing of the others is published, nor marked.

    `keys` are those of the records that are sent, if not all are.
    """
    wanted = frozenset(key.encode() for key in keys)
    database = Database(url)
    await ensure_topics(broker, topics.specs())
    try:
        async with AIOKafkaProducer(bootstrap_servers=broker, acks="all", enable_idempotence=True) as producer:
            return await database.write(lambda connection: _publish(connection, producer, only, wanted, mark=mark))
    finally:
        await database.close()


async def _publish(
    connection: AsyncConnection, producer: AIOKafkaProducer, only: Collection[str], wanted: Collection[bytes], *, mark: bool
) -> int:
    epoch = (await find(connection, system)).epoch
    known = await connection.execute(select(relay_lanes.c.topic, relay_lanes.c.partition, relay_lanes.c.published))
    numbers: dict[Lane, int] = defaultdict(int, {Lane(topic, partition): last for topic, partition, last in known})
    statement = select(*outbox.c).where(outbox.c.published_at.is_(None)).order_by(outbox.c.id)
    sent = 0
    for row in (await connection.execute(statement)).mappings().all():
        if only and row["topic"] not in only:
            continue
        lane = Lane(row["topic"], row["partition"])
        records = OUTBOX.records(row["kind"], row["body"])
        for record in (record for record in records if not wanted or record.key in wanted):
            numbers[lane] += 1
            sent += 1
            key, value, headers = placed(record, Position(epoch, numbers[lane]))
            await producer.send_and_wait(lane.topic, value, key=key, headers=list(headers), partition=lane.partition)
        if mark:
            await connection.execute(update(outbox).where(outbox.c.id == row["id"]).values(published_at=NOON))
    if mark:
        await _remember(connection, numbers)
    return sent


async def _remember(connection: AsyncConnection, numbers: dict[Lane, int]) -> None:
    rows = [
        {"topic": lane.topic, "partition": lane.partition, "assigned": last, "published": last} for lane, last in numbers.items()
    ]
    statement = upsert(connection, relay_lanes)
    changed = {name: statement.excluded[name] for name in ("assigned", "published")}
    if rows:
        await connection.execute(
            statement.on_conflict_do_update(index_elements=list(relay_lanes.primary_key.columns), set_=changed), rows
        )
