"""The relay between a real outbox and a broker that fails as told; a crash is a relay that is dropped in the middle of a turn."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import func, select

from services.blocklist.domain.causes import Cause
from services.blocklist.handlers.release import Release, release
from services.blocklist.handlers.submit import submit
from services.blocklist.outbox import OUTBOX
from services.blocklist.tables import outbox
from shared.backoff import Backoff
from shared.clock import Clock
from shared.db import Database
from shared.events import Record
from shared.outbox import relay as relay_module
from shared.outbox.metrics import RelayMetrics
from shared.outbox.relay import Permission, Relay, Turn, always
from shared.topics import Topics
from tests.support.blocklist import TOPICS, decoded, make_commands, queued
from tests.support.builders import IN, directive_id, make_order, target
from tests.support.eventually import eventually
from tests.support.fakes import (
    Behaviour,
    FakeClock,
    FakePublisher,
    Hang,
    only_on,
    refuse,
    take_half_then_time_out,
    take_then_fail,
)

ONE_LANE = Topics(prefix="test", partitions=1)


def make_relay(
    database: Database, publisher: FakePublisher, clock: Clock | None = None, may_publish: Permission = always
) -> Relay:
    return Relay(
        database=database,
        outbox=OUTBOX,
        publisher=publisher,
        clock=clock or FakeClock(),
        metrics=RelayMetrics(CollectorRegistry()),
        wake=asyncio.Event(),
        backoff=Backoff(base=timedelta(milliseconds=1), cap=timedelta(milliseconds=1)),
        may_publish=may_publish,
    )


async def block(database: Database, number: int = 1, targets: int = 10, *, topics: Topics = TOPICS) -> None:
    """A directive complied with at intake: a withholding of each target, and two case events."""
    order = make_order(number, *(target(f"a{index}") for index in range(targets)), comply_at_intake=True)
    await make_commands(database, FakeClock(), topics=topics).run(lambda unit: submit(unit, order))


async def lift(database: Database, number: int = 1, *, topics: Topics = TOPICS) -> None:
    command = Release(cause=Cause.ERROR, directive=directive_id(number), selection="all", scope=(IN,), memo=None, approvers=())
    await make_commands(database, FakeClock(), topics=topics).run(lambda unit: release(unit, command))


async def waiting(database: Database) -> list[Record]:
    return await database.read(queued)


async def drain(relay: Relay) -> None:
    while await relay.run_once() is Turn.WORKED:
        pass


def ids(records: Sequence[Record]) -> set[bytes]:
    return {dict(record.headers)["ce_id"] for record in records}


def first_occurrences(publisher: FakePublisher) -> dict[bytes, list[int]]:
    """Per key, the versions or revisions that a reader who drops what it has seen gets to see."""
    seen: dict[bytes, list[int]] = defaultdict(list)
    for record in publisher.records():
        number = int(dict(record.headers)["ce_id"].rpartition(b"@")[2])
        if number not in seen[record.key]:
            seen[record.key].append(number)
    return seen


async def test_everything_that_waits_is_published_once_and_marked(database: Database) -> None:
    await block(database)
    expected, publisher = await waiting(database), FakePublisher()
    relay = make_relay(database, publisher)

    turns = [await relay.run_once(), await relay.run_once()]

    assert turns == [Turn.WORKED, Turn.IDLE]
    assert sorted(publisher.records()) == sorted(expected)
    assert await waiting(database) == []


async def test_each_record_goes_to_the_lane_of_its_key(database: Database) -> None:
    await block(database, targets=50)
    publisher = FakePublisher()

    await drain(make_relay(database, publisher))

    for lane, records in publisher.topics.items():
        assert {TOPICS.partition_of(record.key.decode()) for record in records} == {lane.partition}


async def test_a_row_is_marked_with_the_time_of_its_publication(database: Database) -> None:
    await block(database)
    clock = FakeClock()
    clock.advance(timedelta(hours=1))

    await drain(make_relay(database, FakePublisher(), clock))

    marked = await database.read(lambda connection: connection.scalars(select(outbox.c.published_at).distinct()))
    assert list(marked) == [clock.now]


async def test_a_relay_that_starts_after_a_crash_publishes_what_was_committed(database: Database) -> None:
    await block(database)
    expected = await waiting(database)
    publisher = FakePublisher()

    await drain(make_relay(database, publisher))

    assert ids(publisher.records()) == ids(expected)


@pytest.mark.parametrize("behaviour", [refuse, take_then_fail, take_half_then_time_out])
async def test_after_any_failure_nothing_is_marked_and_the_publisher_is_thrown_away(
    database: Database, behaviour: Behaviour
) -> None:
    await block(database, topics=ONE_LANE, targets=3)
    before = await waiting(database)
    publisher = FakePublisher([behaviour] * 2)

    with pytest.raises((ConnectionError, TimeoutError)):
        await make_relay(database, publisher).run_once()

    assert await waiting(database) == before
    assert publisher.discards == 1


@pytest.mark.parametrize("behaviour", [refuse, take_then_fail, take_half_then_time_out])
async def test_what_failed_is_sent_again_with_the_same_ids_and_in_order(database: Database, behaviour: Behaviour) -> None:
    await block(database, topics=ONE_LANE)
    await lift(database, topics=ONE_LANE)
    expected = await waiting(database)
    publisher = FakePublisher([behaviour] * 2)
    relay = make_relay(database, publisher)
    with pytest.raises((ConnectionError, TimeoutError)):
        await relay.run_once()

    await drain(relay)

    assert ids(publisher.records()) == ids(expected)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in first_occurrences(publisher).values())
    assert await waiting(database) == []


async def test_a_lane_that_fails_holds_no_other_lane(database: Database) -> None:
    await block(database, targets=30)
    publisher = FakePublisher([only_on(TOPICS.directives, refuse)] * 10)

    with pytest.raises(ConnectionError):
        await make_relay(database, publisher).run_once()

    left = decoded(await waiting(database))
    assert {envelope.type.split(".")[2] for envelope in left} == {"directive"}
    assert {lane.topic for lane in publisher.acknowledged} == {TOPICS.withholdings}


async def test_a_crash_between_sending_and_the_answer_loses_nothing(database: Database) -> None:
    await block(database, topics=ONE_LANE, targets=3)
    expected, hang = await waiting(database), Hang()
    publisher = FakePublisher([hang, hang])
    crashed = asyncio.create_task(make_relay(database, publisher).run_once())
    await hang.reached.wait()
    crashed.cancel()
    await asyncio.gather(crashed, return_exceptions=True)
    assert await waiting(database) == expected

    await drain(make_relay(database, FakePublisher(topics=publisher.topics)))

    assert ids(publisher.records()) == ids(expected)
    assert await waiting(database) == []


async def test_a_crash_between_the_answer_and_the_mark_sends_the_same_events_again(database: Database) -> None:
    await block(database, topics=ONE_LANE)
    await lift(database, topics=ONE_LANE)
    publisher = FakePublisher()

    def power_cut() -> None:
        raise SystemError("power cut")

    with pytest.raises(SystemError):
        await make_relay(database, publisher, power_cut).run_once()  # type: ignore[arg-type]
    once = list(publisher.records())

    await drain(make_relay(database, publisher))

    assert len(publisher.records()) == 2 * len(once)
    assert ids(publisher.records()) == ids(once)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in first_occurrences(publisher).values())


async def test_a_lane_that_failed_is_thrown_away_also_when_marking_the_others_fails(database: Database) -> None:
    await block(database)
    publisher = FakePublisher([only_on(TOPICS.directives, refuse)] * 10)

    def power_cut() -> None:
        raise SystemError("power cut")

    with pytest.raises(SystemError):
        await make_relay(database, publisher, power_cut).run_once()  # type: ignore[arg-type]

    assert publisher.discards == 1


async def test_a_lane_is_published_in_the_order_of_its_rows_over_many_turns(database: Database) -> None:
    for number in range(1, 3 * relay_module.ROWS_PER_TURN):
        await block(database, number, targets=1, topics=ONE_LANE)
        await lift(database, number, topics=ONE_LANE)
    rows = await database.read(lambda connection: connection.scalar(select(func.count()).select_from(outbox)))
    publisher = FakePublisher()

    await drain(make_relay(database, publisher))

    assert len(publisher.calls) > 2
    assert rows == len(publisher.records())
    for records in publisher.topics.values():
        for key in {record.key for record in records}:
            own = [int(dict(record.headers)["ce_id"].rpartition(b"@")[2]) for record in records if record.key == key]
            assert all(later == earlier + 1 for earlier, later in pairwise(own))


async def test_acknowledged_events_and_failed_turns_are_counted(database: Database) -> None:
    await block(database, targets=3, topics=ONE_LANE)
    registry, stop = CollectorRegistry(), asyncio.Event()
    publisher = FakePublisher([only_on(ONE_LANE.directives, refuse)] * 2)
    relay = make_relay(database, publisher)
    relay._metrics = RelayMetrics(registry)
    working = asyncio.create_task(relay.run(stop))

    async def done() -> bool:
        return not await waiting(database)

    await eventually(done)
    stop.set()
    await working

    published = {
        topic: registry.get_sample_value("geowithhold_events_published_total", {"topic": topic})
        for topic in (ONE_LANE.withholdings, ONE_LANE.directives)
    }
    assert published == {ONE_LANE.withholdings: 3.0, ONE_LANE.directives: 2.0}
    assert registry.get_sample_value("geowithhold_relay_failures_total") == 1.0


async def test_a_running_relay_survives_failures_and_throws_its_publisher_away_at_the_end(database: Database) -> None:
    publisher, stop = FakePublisher([refuse, take_then_fail, refuse, refuse]), asyncio.Event()
    working = asyncio.create_task(make_relay(database, publisher).run(stop))
    await block(database, topics=ONE_LANE)

    async def done() -> bool:
        return not await waiting(database)

    await eventually(done)
    before = publisher.discards
    stop.set()
    await working

    assert before >= 2
    assert publisher.discards == before + 1


async def test_a_commit_wakes_an_idle_relay(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "POLL", timedelta(hours=1))
    publisher, stop = FakePublisher(), asyncio.Event()
    relay = make_relay(database, publisher)
    working = asyncio.create_task(relay.run(stop))
    await block(database)

    relay._wake.set()

    await eventually(publisher.records)
    stop.set()
    async with asyncio.timeout(10):
        await working


async def test_a_relay_that_is_cancelled_throws_its_publisher_away(database: Database) -> None:
    await block(database, topics=ONE_LANE)
    hang = Hang()
    publisher = FakePublisher([hang, hang])
    working = asyncio.create_task(make_relay(database, publisher).run(asyncio.Event()))
    await hang.reached.wait()

    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    assert publisher.discards == 1


async def test_a_lost_wake_up_costs_a_poll_and_never_an_event(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "POLL", timedelta(milliseconds=5))
    publisher, stop = FakePublisher(), asyncio.Event()
    working = asyncio.create_task(make_relay(database, publisher).run(stop))
    await asyncio.sleep(0)

    await block(database)

    await eventually(publisher.records)
    stop.set()
    await working


async def test_a_relay_that_may_not_publish_keeps_everything_and_goes_on_in_order(database: Database) -> None:
    allowed = False

    async def may_publish(_connection: object) -> bool:
        return allowed

    publisher = FakePublisher()
    relay = make_relay(database, publisher, may_publish=may_publish)
    await block(database)
    before = await database.read(queued)

    assert (await relay.run_once(), publisher.calls) == (Turn.IDLE, [])
    assert await database.read(queued) == before
    allowed = True
    assert await relay.run_once() is Turn.WORKED
    assert sorted(publisher.records()) == sorted(before)
