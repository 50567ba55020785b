"""The relay on a store that fails, that others share, or whose lanes are taken: all in memory."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry

from shared.backoff import Backoff
from shared.events import Record
from shared.outbox import relay as relay_module
from shared.outbox.metrics import RelayMetrics
from shared.outbox.port import LEASE, Batch, Hold, Roll
from shared.outbox.relay import Relay, Turn
from shared.outbox.table import Lane, Row
from shared.topics import Topics
from tests.support.blocklist import silence_logs
from tests.support.eventually import eventually
from tests.support.fakes import FakeClock, FakePublisher
from tests.support.relay_store import FakeRelayStore

TOPICS = Topics(prefix="test", partitions=2)
LANES = [Lane(topic, partition) for topic in TOPICS.published for partition in range(2)]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    silence_logs()
    yield
    structlog.reset_defaults()


class Failing(FakeRelayStore):
    """Each operation that is named fails as often as `fail` says, before it does anything."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        fail: dict[str, int] = super().__getattribute__("__dict__").get("fail", {})
        if not fail.get(name):
            return found
        fail[name] -= 1

        async def failing(*_arguments: Any, **_options: Any) -> None:
            raise ConnectionError(name)

        return failing


def store(clock: FakeClock | None = None, **failures: int) -> Failing:
    made = Failing(TOPICS, clock or FakeClock(), checkpoints="/test")
    made.__dict__["fail"] = defaultdict(int, failures)
    return made


def read(_form: str, body: bytes) -> list[Record]:
    return [Record(b"k", body, (("ce_id", body),))]


def make_relay(
    of: FakeRelayStore, publisher: FakePublisher, owner: str = "one", registry: CollectorRegistry | None = None
) -> Relay:
    return Relay(
        owner=owner,
        store=of,
        publisher=publisher,
        read=read,
        clock=of.now,
        metrics=RelayMetrics(registry or CollectorRegistry()),
        wake=asyncio.Event(),
        backoff=Backoff(base=timedelta(milliseconds=1), cap=timedelta(milliseconds=1)),
        jitter=lambda: 0.5,
    )


def queue(of: FakeRelayStore, *bodies: bytes, lane: Lane = LANES[0]) -> None:
    of.append([Row(lane, "one", 1, body) for body in bodies])


def values(publisher: FakePublisher, lane: Lane = LANES[0]) -> list[bytes | None]:
    return [record.value for record in publisher.topics.get(lane, [])]


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BEAT", "POLL"):
        monkeypatch.setattr(relay_module, name, timedelta(milliseconds=5))


@pytest.mark.parametrize("operation", ["beat", "claim", "take", "mark", "checkpoint"])
async def test_whatever_fails_in_the_store_is_tried_again(fast: None, operation: str) -> None:
    of, publisher, stop = store(), FakePublisher(), asyncio.Event()
    of.__dict__["fail"][operation] = 3
    await of.ensure(LANES)
    queue(of, b"a", b"b")
    working = asyncio.create_task(make_relay(of, publisher).run(stop))

    await eventually(lambda: all(row.published_at for row in of.rows if row.row.lane == LANES[0]))
    await eventually(lambda: of.__dict__["fail"][operation] == 0)
    stop.set()
    await working

    assert list(dict.fromkeys(values(publisher))) == [b"a", b"b"]


async def test_rows_that_cannot_be_read_count_as_failures(fast: None) -> None:
    registry, stop = CollectorRegistry(), asyncio.Event()
    of = store(take=2)
    await of.ensure(LANES)
    working = asyncio.create_task(make_relay(of, FakePublisher(), registry=registry).run(stop))

    await eventually(lambda: registry.get_sample_value("geowithhold_relay_failures_total", {"kind": "unknown"}) == 2)
    stop.set()
    await working


async def test_a_store_that_does_not_take_the_end_lets_the_leases_do_it() -> None:
    clock, stop = FakeClock(), asyncio.Event()
    of = store(clock, leave=1)
    await of.ensure(LANES)
    relay = make_relay(of, FakePublisher())
    working = asyncio.create_task(relay.run(stop))
    await eventually(lambda: len(relay._holdings) == len(LANES))

    stop.set()
    await working

    assert await of.claim("two", 10) == []
    clock.advance(LEASE)
    assert len(await of.claim("two", 10)) == len(LANES)


async def beat_all(*relays: Relay) -> list[int]:
    """How many lanes each holds after its sign of life."""
    held = []
    for relay in relays:
        await relay.beat()
        held.append(len(relay._holdings))
    return held


async def test_lanes_are_shared_when_one_comes_and_when_one_goes() -> None:
    clock, registry = FakeClock(), CollectorRegistry()
    of = store(clock)
    await of.ensure(LANES)
    one, two = make_relay(of, FakePublisher(), "one", registry), make_relay(of, FakePublisher(), "two")

    first = await beat_all(one)
    joined = await beat_all(two, one, two)
    clock.advance(LEASE + timedelta(seconds=1))
    left = await beat_all(one)
    back = await beat_all(two)

    assert (first, joined, left, back) == ([4], [0, 2, 2], [4], [0])
    changes = {
        change: registry.get_sample_value("geowithhold_relay_lease_changes_total", {"change": change})
        for change in ("taken", "given_up", "lost")
    }
    assert changes == {"taken": 6.0, "given_up": 2.0, "lost": 0.0}
    assert registry.get_sample_value("geowithhold_relay_owned_lanes") == 4.0


async def test_who_finds_its_lanes_taken_counts_them_as_lost() -> None:
    clock, registry = FakeClock(), CollectorRegistry()
    of = store(clock)
    await of.ensure(LANES)
    one, two = make_relay(of, FakePublisher(), "one", registry), make_relay(of, FakePublisher(), "two")
    await one.beat()
    clock.advance(LEASE + timedelta(seconds=1))
    await two.beat()

    await one.beat()

    assert registry.get_sample_value("geowithhold_relay_lease_changes_total", {"change": "lost"}) == 4.0


async def test_what_could_not_be_given_up_is_found_and_given_up_again() -> None:
    of = store(give_up=1)
    await of.ensure(LANES)
    one, two = make_relay(of, FakePublisher(), "one"), make_relay(of, FakePublisher(), "two")

    held = await beat_all(one, two, one, two, one, two)

    assert held == [4, 0, 2, 0, 2, 2]


async def test_a_lane_that_a_sign_of_life_already_gave_up_is_lost_once() -> None:
    clock, registry = FakeClock(), CollectorRegistry()
    of, going, go_on = store(clock), asyncio.Event(), asyncio.Event()
    await of.ensure(LANES)
    queue(of, b"a")

    async def slowly(publisher: FakePublisher, lane: Lane, records: Sequence[Record]) -> None:
        going.set()
        await go_on.wait()
        await publisher.take(lane, records)

    publisher = FakePublisher([slowly])
    one = make_relay(of, publisher, "one", registry)
    await one.beat()
    turn = asyncio.create_task(one.turn())
    await going.wait()
    clock.advance(LEASE + timedelta(seconds=1))
    await of.beat("two")
    await of.claim("two", 10)
    await one.beat()
    go_on.set()

    assert await turn == [Turn.LOST]
    assert registry.get_sample_value("geowithhold_relay_lease_changes_total", {"change": "lost"}) == 4.0


async def test_a_lane_that_is_to_go_is_given_up_as_soon_as_its_turn_is_over(fast: None, monkeypatch: pytest.MonkeyPatch) -> None:
    of, going, go_on, stop = store(), asyncio.Event(), asyncio.Event(), asyncio.Event()
    await of.ensure(LANES[:1])

    async def slowly(publisher: FakePublisher, lane: Lane, records: Sequence[Record]) -> None:
        going.set()
        await go_on.wait()
        await publisher.take(lane, records)

    one = make_relay(of, FakePublisher([slowly]), "one")
    working = asyncio.create_task(one.run(stop))
    queue(of, b"a")
    await going.wait()
    one._holdings.settle(0)
    monkeypatch.setattr(one, "beat", lambda: asyncio.sleep(0))
    held = of.lanes[LANES[0]].owner

    go_on.set()

    await eventually(lambda: of.lanes[LANES[0]].owner is None)
    stop.set()
    await working
    assert held == "one"


@dataclass
class Slow(FakeRelayStore):
    """What it has numbered is known to its caller only once that may `go_on`."""

    numbered: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, owner: str, holds: Sequence[Hold], rows: int) -> Sequence[Batch]:
        taken = await super().take(owner, holds, rows)
        self.numbered.set()
        await self.go_on.wait()
        return taken


async def test_a_lane_is_not_given_up_between_its_numbering_and_its_turn() -> None:
    of, publisher, last = Slow(TOPICS, FakeClock()), FakePublisher(), LANES[-1]
    await of.ensure(LANES)
    queue(of, b"a", lane=last)
    one, two = make_relay(of, publisher, "one"), make_relay(of, publisher, "two")
    await one.beat()
    turn = asyncio.create_task(one.turn())
    await of.numbered.wait()

    await beat_all(two, one, two)
    meanwhile = of.lanes[last].owner
    of.go_on.set()
    turned = await turn
    await beat_all(one, two)

    assert (meanwhile, turned, of.lanes[last].owner) == ("one", [Turn.MARKED], "two")
    assert values(publisher, last) == [b"a"]


async def test_a_lane_that_was_to_go_while_it_was_asked_for_goes_without_a_sign_of_life(
    fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    of, stop = Slow(TOPICS, FakeClock()), asyncio.Event()
    await of.ensure(LANES[:1])
    one = make_relay(of, FakePublisher(), "one")
    await one.beat()
    monkeypatch.setattr(one, "beat", lambda: asyncio.sleep(0))
    working = asyncio.create_task(one.run(stop))
    await of.numbered.wait()
    one._holdings.settle(0)

    of.go_on.set()

    await eventually(lambda: of.lanes[LANES[0]].owner is None)
    stop.set()
    await working


async def test_a_sign_of_life_that_is_under_way_at_the_end_is_not_taken_after_the_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    of, begun, go_on, stop = store(), asyncio.Event(), asyncio.Event(), asyncio.Event()
    await of.ensure(LANES)
    beat = of.beat

    async def slowly(owner: str) -> Roll:
        begun.set()
        await go_on.wait()
        return await beat(owner)

    monkeypatch.setattr(of, "beat", lambda owner: asyncio.shield(asyncio.create_task(slowly(owner))))
    working = asyncio.create_task(make_relay(of, FakePublisher()).run(stop))
    await begun.wait()

    stop.set()
    for _ in range(20):
        await asyncio.sleep(0)
    go_on.set()
    await working
    await asyncio.sleep(0)

    assert (of.members, {lane.owner for lane in of.lanes.values()}) == ({}, {None})


async def test_what_is_numbered_while_nothing_may_be_published_does_not_exist() -> None:
    of = store()
    of.allowed = False
    await of.ensure(LANES)
    queue(of, b"a")
    relay = make_relay(of, FakePublisher())
    await relay.beat()

    assert await relay.turn() == []
    assert of.rows[0].sequence is None


async def test_checkpoints_are_sent_like_whatever_else_waits(fast: None) -> None:
    of, publisher, stop = store(), FakePublisher(), asyncio.Event()
    await of.ensure([*LANES, *(Lane(TOPICS.checkpoints, partition) for partition in range(2))])
    queue(of, b"a")
    working = asyncio.create_task(make_relay(of, publisher).run(stop))
    told = Lane(TOPICS.checkpoints, TOPICS.partition_of("0"))

    await eventually(lambda: publisher.topics.get(told))
    stop.set()
    await working

    assert len(publisher.topics[told]) == 1
