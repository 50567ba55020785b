"""Several notifiers share one group and one database; they come and go while records flow."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import select

from services.notifier.consumer import (
    Consumed,
    Consumer,
    KafkaSource,
    Partition,
    StoredInbox,
    StoredPositions,
    connected,
    topics_read,
)
from services.notifier.consumer.hints import Hints
from services.notifier.settings import NotifierSettings
from services.notifier.tables import offsets
from shared.events import Position, Record, placed
from shared.tasks import pause, running
from tests.integration.notifier.lanes import digest_of
from tests.integration.notifier.world import World
from tests.support.broker import ON_APACHE
from tests.support.eventually import eventually
from tests.unit.notifier.builders import record, withholding

pytestmark = [pytest.mark.broker, pytest.mark.postgres]

PARTITIONS = 6
KEYS = 24


@pytest.fixture
def settings(broker: str, topic_prefix: str) -> NotifierSettings:
    """Of members without a name: the suite's broker never misses one that has one."""
    return NotifierSettings.model_validate(
        {
            "KAFKA_BOOTSTRAP_SERVERS": broker,
            "GEOWITHHOLD_TOPIC_PREFIX": topic_prefix,
            "GEOWITHHOLD_PARTITIONS": PARTITIONS,
            "NOTIFIER_INSTANCE": "",
        }
    )


class CountedInbox:
    """Tells how much each member took."""

    def __init__(self, inbox: StoredInbox, name: str, taken: Counter[str]) -> None:
        self._inbox = inbox
        self._name = name
        self._taken = taken

    async def take(self, partition: Partition, batch: Sequence[Consumed]) -> None:
        await self._inbox.take(partition, batch)
        self._taken[self._name] += len(batch)

    async def note_read_to_end(self, partitions: Collection[Partition]) -> None:
        await self._inbox.note_read_to_end(partitions)


class Untold(Hints):
    """For the wheel's broker: it refuses a commit as of an ended generation before the member can know that it has ended, then
    waits for minutes for the member that aiokafka makes a new one of."""

    def give(self, partition: Partition, next_offset: int) -> None: ...


@asynccontextmanager
async def joined(world: World, made: NotifierSettings) -> AsyncIterator[KafkaSource]:
    async with connected(made, StoredPositions(world.commands)) as source:
        if not ON_APACHE:
            source._hints = Untold(source._consumer)
        yield source


@asynccontextmanager
async def member(world: World, made: NotifierSettings, name: str, taken: Counter[str]) -> AsyncIterator[None]:
    """It has taken something before the block begins."""
    consumer = Consumer(
        connect=partial(joined, world, made),
        inbox=CountedInbox(StoredInbox(world.commands, made.topics), name, taken),
        topics=topics_read(made.topics),
    )
    async with running(name, consumer.run):
        await takes(name, taken)
        yield


async def takes(name: str, taken: Counter[str]) -> None:
    """It takes something from now on: it has partitions."""
    before = taken[name]
    await eventually(lambda: taken[name] > before, within=60)


class Flow:
    """Versions of many keys, numbered in their lanes, as the relay would publish them."""

    def __init__(self, made: NotifierSettings) -> None:
        self._topics = made.topics
        self.bootstrap = made.kafka_bootstrap_servers
        self.lanes: dict[int, list[Record]] = defaultdict(list)

        self.version = 0

    def _round(self) -> list[tuple[int, Record]]:
        self.version += 1
        return [self._next(f"account:{number}", self.version) for number in range(KEYS)]

    def _next(self, target: str, version: int) -> tuple[int, Record]:
        made = record(withholding(target, version))
        partition = self._topics.partition_of(made.key.decode())
        self.lanes[partition].append(made)
        return partition, placed(made, Position(1, len(self.lanes[partition])))

    async def run(self, stop: asyncio.Event) -> None:
        """Until told to stop."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all", enable_idempotence=True) as producer:
            while not await pause(stop, 0.01):
                for partition, (key, value, headers) in self._round():
                    await producer.send(self._topics.withholdings, value, key=key, headers=list(headers), partition=partition)
                await producer.flush()


async def lanes(world: World, topic: str) -> dict[int, tuple[int, str]]:
    c = offsets.c
    rows = await world.rows(select(c.partition, c.digested, c.digest).where(c.topic == topic))
    return {partition: (digested, digest) for partition, digested, digest in rows if digest}


@pytest.mark.fault(23)
async def test_they_come_and_go_and_each_record_has_its_effect_once_and_in_its_order(
    postgres_world: World, settings: NotifierSettings
) -> None:
    """The digest of a lane is that of all its records, in their order, each once: nothing else has that digest."""
    flow = Flow(settings)
    taken: Counter[str] = Counter()
    stop = asyncio.Event()
    flowing = asyncio.create_task(flow.run(stop))
    async with member(postgres_world, settings, "one", taken):
        for _ in range(2):
            async with member(postgres_world, settings, "two", taken), member(postgres_world, settings, "three", taken):
                pass
            await takes("one", taken)
        stop.set()
        await flowing
        expected = {partition: (len(records), digest_of(records)) for partition, records in flow.lanes.items()}

        async def arrived() -> bool:
            assert await lanes(postgres_world, settings.topics.withholdings) == expected
            return True

        await eventually(arrived, within=60)

    present = await postgres_world.present()
    assert {version for version, _ in present.values()} == {flow.version}
    assert len(present) == KEYS
    assert await postgres_world.holes() == {}
    assert postgres_world.metric("geowithhold_version_holes_total") == 0
    assert postgres_world.metric("geowithhold_contradictions_total") == 0
