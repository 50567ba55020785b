"""The broker lost what it had acknowledged: its log is shorter than what was read of it, or begins anew."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import select, update

from services.notifier.consumer import Consumer, Partition, StoredInbox, StoredPositions, connected, topics_read
from services.notifier.filler import Filler
from services.notifier.settings import NotifierSettings
from services.notifier.tables import offsets, stream_gaps
from shared.events import Record
from shared.tasks import running
from tests.integration.notifier.fakes import FakeKafka
from tests.integration.notifier.lanes import KEY, FakeBlocklistLanes, digest_of
from tests.integration.notifier.world import World
from tests.support.broker import produce
from tests.support.eventually import eventually
from tests.unit.notifier.builders import withholding

pytestmark = pytest.mark.broker


@pytest.fixture
def settings(broker: str, topic_prefix: str) -> NotifierSettings:
    return NotifierSettings.model_validate(
        {
            "KAFKA_BOOTSTRAP_SERVERS": broker,
            "GEOWITHHOLD_TOPIC_PREFIX": topic_prefix,
            "GEOWITHHOLD_PARTITIONS": 1,
            "NOTIFIER_INSTANCE": "test",
        }
    )


async def write(settings: NotifierSettings, records: list[Record]) -> None:
    topic = settings.topics.withholdings
    sent = [(each.key.decode(), each.value, list(each.headers)) for each in records]
    await produce(settings.kafka_bootstrap_servers, topic, sent)


async def read_until(world: World, settings: NotifierSettings, sequence: int) -> None:
    consumer = Consumer(
        connect=partial(connected, settings, StoredPositions(world.commands)),
        inbox=StoredInbox(world.commands, settings.topics),
        topics=topics_read(settings.topics),
    )

    async def there() -> bool:
        return (sequence,) in await world.rows(select(offsets.c.sequence))

    async with running("consumer", consumer.run):
        await eventually(there, within=30)


@pytest.mark.fault(20)
async def test_an_offset_that_is_lost_is_told_and_what_is_missing_comes_from_the_blocklist(
    sqlite_world: World, settings: NotifierSettings
) -> None:
    place = Partition(settings.topics.withholdings, 0)
    lanes = FakeBlocklistLanes(FakeKafka())
    await read_nothing_but(sqlite_world, settings, lanes.publish(withholding(), withholding(version=2), partition=place))
    await sqlite_world.database.write(
        lambda connection: connection.execute(update(offsets).values(next_offset=1000).where(offsets.c.sequence == 2))
    )
    sent = lanes.publish(*(withholding(version=version) for version in range(3, 6)), lost={3, 4}, partition=place)

    await write(settings, sent[-1:])
    await read_until(sqlite_world, settings, 5)

    assert sqlite_world.metric("geowithhold_offsets_lost_total", topic=place.topic) == 1
    assert await sqlite_world.rows(select(stream_gaps.c.first, stream_gaps.c.last)) == [(3, 4)]
    filler = Filler(commands=sqlite_world.commands, source=lanes, topics=settings.topics)
    await filler.run_once(asyncio.Event())
    assert await sqlite_world.past() == [1, 2, 3, 4]
    assert await sqlite_world.present() == {KEY: (5, "withheld")}
    digests = await sqlite_world.rows(select(offsets.c.digested, offsets.c.digest).where(offsets.c.sequence == 5))
    assert digests == [(5, digest_of(lanes.kept[place]))]


async def read_nothing_but(world: World, settings: NotifierSettings, records: list[Record]) -> None:
    await write(settings, records)
    await read_until(world, settings, len(records))
