"""A consumer without Kafka, whose transactions fail as they are told."""

from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import TypeVar

from services.notifier.consumer import Consumer, Partition, StoredInbox, StoredPositions, Turn, topics_read
from services.notifier.handlers.unit import Unit
from shared.backoff import Backoff
from tests.integration.notifier.fakes import TOPICS, FakeKafka, FakeSource, source_of
from tests.integration.notifier.world import FakeClock, World

T = TypeVar("T")


class Faulty:
    """Transactions that fail as often as there are faults: after the work, before the commit."""

    def __init__(self, world: World, *faults: BaseException) -> None:
        self._commands = world.commands
        self.faults = list(faults)

    async def run(self, handle: Callable[[Unit], Awaitable[T]]) -> T:
        async def work(unit: Unit) -> T:
            result = await handle(unit)
            if self.faults:
                raise self.faults.pop(0)
            return result

        return await self._commands.run(work)


class Monotonic:
    """Every look is an hour later, so that whatever is held is due at the next turn."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 3600.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Inboxes(StoredInbox):
    """Transactions that tell of ends have faults of their own."""

    ends: StoredInbox

    async def note_read_to_end(self, partitions: Collection[Partition]) -> None:
        await self.ends.note_read_to_end(partitions)


class Rig:
    """A consumer process: killed, it leaves what is in the database and in Kafka."""

    def __init__(self, world: World, kafka: FakeKafka, *faults: BaseException) -> None:
        self.source = FakeSource(kafka, StoredPositions(world.commands))
        self.monotonic = Monotonic()
        self.wall = FakeClock()
        self.ends = Faulty(world)
        inbox = Inboxes(Faulty(world, *faults), TOPICS, wall_clock=self.wall)
        inbox.ends = StoredInbox(self.ends, TOPICS)
        self.consumer = Consumer(
            connect=partial(source_of, kafka, world.commands),
            inbox=inbox,
            topics=topics_read(TOPICS),
            wall_clock=self.wall,
            monotonic=self.monotonic,
            backoff=Backoff(),
        )

    async def turn(self) -> Turn:
        return await self.consumer.run_once(self.source)
