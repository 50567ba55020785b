"""What the relay does as long as nothing goes wrong, and at its end."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from services.blocklist.outbox import RELAY_TABLES
from services.blocklist.tables import outbox, relay_lanes
from shared.db import Database
from shared.events import Record
from shared.events.chain import BEGINNING, after
from shared.events.wire import Position, position_of
from shared.outbox import relay as relay_module
from shared.outbox.relay import Turn
from shared.outbox.table import Lane
from tests.support.blocklist import TOPICS
from tests.support.eventually import eventually
from tests.support.fakes import (
    FakeClock,
    FakePublisher,
    Hang,
)
from tests.support.relay import (
    LANE,
    ONE_LANE,
    block,
    ids,
    in_order,
    lift,
    make_relay,
    publish_all,
    running,
    started,
    unplaced,
    waiting,
)


async def test_everything_that_waits_is_published_once_and_marked(database: Database) -> None:
    await block(database)
    expected, publisher = await waiting(database), FakePublisher()
    relay = await started(database, publisher)

    first, second = await relay.turn(), await relay.turn()

    assert (set(first), second) == ({Turn.MARKED}, [])
    assert sorted(unplaced(publisher.records())) == sorted(expected)
    assert await waiting(database) == []


async def test_each_record_goes_to_the_lane_of_its_key(database: Database) -> None:
    await block(database, targets=50)
    publisher = FakePublisher()

    await publish_all(database, publisher)

    for lane, records in publisher.topics.items():
        assert {TOPICS.partition_of(record.key.decode()) for record in records} == {lane.partition}


async def test_the_events_of_a_lane_are_numbered_without_a_gap(database: Database) -> None:
    for number in (1, 2, 3):
        await block(database, number, targets=30)
        await lift(database, number)
    publisher = FakePublisher()

    await publish_all(database, publisher)

    assert len(publisher.topics) > 6
    for records in publisher.topics.values():
        assert [position_of(record.headers) for record in records] == [Position(1, n + 1) for n in range(len(records))]


async def test_a_row_is_marked_with_the_time_and_place_of_its_publication(database: Database) -> None:
    await block(database, topics=ONE_LANE)
    clock = FakeClock()
    clock.advance(timedelta(hours=1))

    await publish_all(database, FakePublisher(), clock=clock)

    columns = (outbox.c.topic, outbox.c.published_at, outbox.c.sequence, outbox.c.kafka_offset)
    marked = await database.read(lambda connection: connection.execute(select(*columns).order_by(outbox.c.id)))
    assert sorted(tuple(row) for row in marked) == [
        (ONE_LANE.directives, clock.now, 1, 1),
        (ONE_LANE.directives, clock.now, 2, 1),
        (ONE_LANE.withholdings, clock.now, 1, 9),
    ]


async def test_the_rolling_hash_of_a_lane_is_that_of_its_events_as_sent(database: Database) -> None:
    for number in range(1, 13):
        await block(database, number, topics=ONE_LANE)
        await lift(database, number, topics=ONE_LANE)
    publisher = FakePublisher()

    await publish_all(database, publisher)

    digests = [BEGINNING]
    for record in publisher.topics[LANE]:
        digests.append(after(digests[-1], record))
    columns = (relay_lanes.c.published, relay_lanes.c.digest, relay_lanes.c.marked_sequence, relay_lanes.c.marked_digest)
    stored = await database.read(lambda connection: connection.execute(select(*columns).where(RELAY_TABLES.of(LANE))))
    assert stored.one() == (240, digests[240].hex(), 200, digests[200].hex())


async def test_a_relay_that_starts_after_a_crash_publishes_what_was_committed(database: Database) -> None:
    await block(database)
    expected = await waiting(database)
    publisher = FakePublisher()

    await publish_all(database, publisher)

    assert ids(publisher.records()) == ids(expected)


async def test_a_lane_is_published_in_the_order_of_its_rows_over_many_turns(database: Database) -> None:
    for number in range(1, 3 * relay_module.ROWS_PER_TURN):
        await block(database, number, targets=1, topics=ONE_LANE)
        await lift(database, number, topics=ONE_LANE)
    rows = await database.read(lambda connection: connection.scalar(select(func.count()).select_from(outbox)))
    publisher = FakePublisher()

    await publish_all(database, publisher)

    assert len(publisher.calls) > 2
    assert rows == len(publisher.records())
    assert in_order(publisher)


async def test_acknowledged_events_and_lanes_are_counted(database: Database) -> None:
    await block(database, targets=3, topics=ONE_LANE)
    registry, stop = CollectorRegistry(), asyncio.Event()
    working = await running(database, FakePublisher(), stop, registry=registry)

    async def done() -> bool:
        return not await waiting(database)

    await eventually(done)
    owned = registry.get_sample_value("geowithhold_relay_owned_lanes")
    stop.set()
    await working

    published = {
        topic: registry.get_sample_value("geowithhold_events_published_total", {"topic": topic})
        for topic in (ONE_LANE.withholdings, ONE_LANE.directives)
    }
    assert published == {ONE_LANE.withholdings: 3.0, ONE_LANE.directives: 2.0}
    assert owned == 2.0
    assert registry.get_sample_value("geowithhold_relay_lease_changes_total", {"change": "taken"}) == 2.0


async def test_a_commit_wakes_an_idle_relay(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "POLL", timedelta(hours=1))
    publisher, stop = FakePublisher(), asyncio.Event()
    relay = make_relay(database, publisher)
    await relay._store.ensure([LANE])
    working = asyncio.create_task(relay.run(stop))
    await eventually(lambda: len(relay._holdings) == 1)
    await block(database, topics=ONE_LANE)

    relay._wake.set()

    await eventually(publisher.records)
    stop.set()
    async with asyncio.timeout(10):
        await working


async def test_a_relay_that_is_cancelled_ends_its_client_and_leaves_its_lanes(database: Database) -> None:
    hang = Hang()
    publisher = FakePublisher([hang, hang])
    working = await running(database, publisher, asyncio.Event())
    await block(database, topics=ONE_LANE)
    await hang.reached.wait()

    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    owners = await database.read(lambda connection: connection.scalars(select(relay_lanes.c.owner)))
    assert (publisher.discards, set(owners)) == (1, {None})


async def test_a_relay_that_is_told_to_stop_finishes_its_batch_and_gives_up_its_lanes(database: Database) -> None:
    stop, going, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slowly(publisher: FakePublisher, lane: Lane, records: Sequence[Record]) -> None:
        going.set()
        await go_on.wait()
        await publisher.take(lane, records)

    publisher = FakePublisher([slowly, slowly])
    working = await running(database, publisher, stop)
    await block(database, topics=ONE_LANE)
    await going.wait()

    stop.set()
    await asyncio.sleep(0)
    go_on.set()
    await working

    assert len(publisher.topics[LANE]) == 10
    assert await waiting(database) == [] or len(publisher.calls) == 1
    owners = await database.read(lambda connection: connection.scalars(select(relay_lanes.c.owner)))
    assert set(owners) == {None}


async def test_a_batch_that_takes_too_long_at_the_end_is_left_to_who_comes_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "DRAIN", timedelta(milliseconds=10))
    stop, hang = asyncio.Event(), Hang()
    publisher = FakePublisher([hang, hang])
    working = await running(database, publisher, stop)
    await block(database, topics=ONE_LANE)
    await hang.reached.wait()

    stop.set()
    async with asyncio.timeout(10):
        await working
    await publish_all(database, publisher, owner="another")

    assert in_order(publisher)
    assert await waiting(database) == []


async def test_a_lost_wake_up_costs_a_poll_and_never_an_event(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "POLL", timedelta(milliseconds=5))
    publisher, stop = FakePublisher(), asyncio.Event()
    working = await running(database, publisher, stop)
    await asyncio.sleep(0)

    await block(database, topics=ONE_LANE)

    await eventually(publisher.records)
    stop.set()
    await working


async def test_a_relay_that_may_not_publish_keeps_everything_and_goes_on_in_order(database: Database) -> None:
    allowed = False

    async def may_publish(_connection: object) -> bool:
        return allowed

    publisher = FakePublisher()
    await block(database)
    relay = await started(database, publisher, may_publish=may_publish)
    before = await waiting(database)

    assert (await relay.turn(), publisher.calls) == ([], [])
    assert await waiting(database) == before
    allowed = True
    assert set(await relay.turn()) == {Turn.MARKED}
    assert sorted(unplaced(publisher.records())) == sorted(before)


async def test_where_nothing_was_ever_published_there_is_nothing_to_hold(database: Database) -> None:
    relay = await started(database, FakePublisher())

    assert (len(relay._holdings), await relay.turn()) == (0, [])
