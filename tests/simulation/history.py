"""One seeded history: a blocklist that changes, relays, a broker and consumers in bad weather; then calm, and a reckoning.

The same seed gives the same history. `violations` says what of the promises does not hold at its end; none is what is promised.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from prometheus_client import CollectorRegistry

from services.notifier.consumer.loop import Consumer
from services.notifier.consumer.records import Partition
from shared.backoff import Backoff
from shared.events import Record
from shared.outbox.metrics import RelayMetrics
from shared.outbox.relay import Relay
from shared.outbox.table import Lane
from shared.steps import observe
from shared.topics import Topics
from tests.simulation.blocklist import SOURCE, Blocklist, StormyStore
from tests.simulation.broker import Broker, SimulatedPublisher
from tests.simulation.group import Group
from tests.simulation.loop import SimulatedLoop, run
from tests.simulation.notifier import Mender, Projection, SimulatedInbox
from tests.simulation.process import Process, strike_at_steps, supervised
from tests.simulation.promises import violations
from tests.simulation.weather import Chances, Misfortune, Weather, storm
from tests.support.relay_store import FakeRelayStore

TOPICS = Topics(prefix="sim", partitions=2)
KEYS = 6
CHANGES = 40
RELAYS = 2
CONSUMERS = 2
COMES_TO_REST_WITHIN = 600.0
"""Simulated seconds from the end of the storm."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a history came to."""

    seed: int
    changes: int
    happened: Mapping[Misfortune, int]
    seconds: float
    violations: tuple[str, ...]


@dataclass
class World:
    loop: SimulatedLoop
    weather: Weather
    store: FakeRelayStore
    blocklist: Blocklist
    broker: Broker
    projection: Projection
    group: Group

    @classmethod
    def of(cls, seed: int, loop: SimulatedLoop, chances: Chances | None) -> "World":
        rng = random.Random(seed)  # noqa: S311 (a history is to come again)
        weather = storm(rng) if chances is None else Weather(rng, dict(chances))
        store = FakeRelayStore(TOPICS, loop.clock, checkpoints=SOURCE)
        broker, projection = Broker(weather), Projection(TOPICS)
        partitions = [
            Partition(topic, number) for topic in (TOPICS.withholdings, TOPICS.checkpoints) for number in range(TOPICS.partitions)
        ]
        group = Group(broker, partitions, lambda partition: projection.partitions[partition].next_offset)
        return cls(loop, weather, store, Blocklist(store, TOPICS, weather, KEYS), broker, projection, group)


def live(seed: int, plant: Callable[[], Callable[[], None]] | None = None, chances: Chances | None = None) -> Outcome:
    """Lives through one history, in weather by the seed or as told. `plant` puts a bug in, and answers how to take it out."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    random.seed(seed)
    loop = SimulatedLoop()
    loop.set_exception_handler(lambda *_: None)  # who is killed leaves tasks behind that nobody asks
    world = World.of(seed, loop, chances)
    taken_out = plant() if plant else lambda: None
    unobserved = observe(strike_at_steps(world.weather))
    try:
        violations = run(_live(world), loop)
    finally:
        unobserved()
        taken_out()
    changes = sum(map(len, world.blocklist.history.values()))
    return Outcome(seed, changes, world.weather.happened, loop.time(), tuple(violations))


async def _live(world: World) -> list[str]:
    stop = asyncio.Event()
    relays = [supervised(f"relay{n}", partial(_relay, world, stop), world.weather, stop) for n in range(RELAYS)]
    consumers = [supervised(f"notifier{n}", partial(_consume, world, stop), world.weather, stop) for n in range(CONSUMERS)]
    running = [asyncio.create_task(work) for work in (*relays, *consumers, _mend(world, stop))]
    for _ in range(CHANGES):
        await asyncio.gather(*(world.blocklist.change_some() for _ in range(world.weather.rng.randint(1, 3))))
        await world.weather.some_time(3.0)
    world.weather.clear_up()
    rested = await _come_to_rest(world)
    stop.set()
    await asyncio.gather(*running, return_exceptions=True)
    found = violations(world.blocklist, world.broker, world.projection)
    return [*([] if rested else ["it does not come to rest"]), *found]


async def _mend(world: World, stop: asyncio.Event) -> None:
    mender = Mender(world.projection, world.blocklist, world.loop)
    while not stop.is_set():
        mender.mend()
        await asyncio.sleep(1.0)


async def _come_to_rest(world: World) -> bool:
    until = world.loop.time() + COMES_TO_REST_WITHIN
    while world.loop.time() < until:
        if _rests(world):
            return True
        await asyncio.sleep(1.0)
    return False


def _rests(world: World) -> bool:
    """Everything is published and read, every lane is verified to its end, and nothing is known to be missing."""
    lanes = {lane: stored for lane, stored in world.store.lanes.items() if lane.topic == TOPICS.withholdings}
    partitions = world.projection.partitions
    return (
        all(stored.published_at for stored in world.store.rows)
        and all(partitions[Partition(*lane)].next_offset >= world.broker.end(lane) for lane in list(world.broker.logs))
        and all(partitions[Partition(*lane)].verified == stored.progress.sequence for lane, stored in lanes.items())
        and not any(stored.gaps for stored in partitions.values())
        and not world.projection.holes
    )


class _Gated:
    """A publisher in the hands of one process."""

    def __init__(self, publisher: SimulatedPublisher, process: Process) -> None:
        self._publisher = publisher
        self._process = process

    async def publish(self, lane: Lane, records: Sequence[Record]) -> int | None:
        await self._process.breathe()
        offset = await self._publisher.publish(lane, records)
        await self._process.breathe()
        return offset

    async def discard(self) -> None:
        await self._publisher.discard()


async def _relay(world: World, stop: asyncio.Event, process: Process) -> None:
    relay = Relay(
        owner=process.name,
        store=StormyStore(world.store, process, world.weather),
        publisher=_Gated(SimulatedPublisher(world.broker), process),
        read=world.blocklist.read,
        clock=world.loop.clock,
        metrics=RelayMetrics(CollectorRegistry()),
        wake=asyncio.Event(),
        backoff=Backoff(),
        jitter=world.weather.rng.random,
    )
    await world.store.ensure([Lane(topic, n) for topic in (TOPICS.withholdings, TOPICS.checkpoints) for n in range(2)])
    await relay.run(stop)


async def _consume(world: World, stop: asyncio.Event, process: Process) -> None:
    consumer = Consumer(
        connect=partial(world.group.joined, process),
        inbox=SimulatedInbox(world.projection, process, world.weather, world.loop.clock),
        topics=[TOPICS.withholdings, TOPICS.checkpoints],
        wall_clock=world.loop.clock,
        monotonic=world.loop.time,
    )
    await consumer.run(stop)
