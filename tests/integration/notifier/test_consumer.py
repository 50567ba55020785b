import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from services.notifier.consumer import Consumer, RecordSource, StoredInbox, StoredPositions, Turn, topics_read
from services.notifier.tables import directives, offsets, quarantine, revision_holes
from shared.events import Record
from tests.integration.notifier.fakes import (
    DIRECTIVES,
    ENFORCEMENTS,
    TOPICS,
    WITHHOLDINGS,
    FakeKafka,
    FakeSource,
    Killed,
)
from tests.integration.notifier.rig import Rig
from tests.integration.notifier.world import World
from tests.support.eventually import eventually
from tests.unit.notifier.builders import DIRECTIVE, after, received, record, report, withholding

KEY = "IN/account:a"


async def stored_offset(world: World) -> list[tuple[str, int]]:
    return [(topic, offset) for topic, offset in await world.rows(select(offsets.c.topic, offsets.c.next_offset))]


async def test_records_of_every_topic_take_effect(world: World, kafka: FakeKafka) -> None:
    await world.register()
    kafka.write(WITHHOLDINGS, withholding())
    kafka.write(ENFORCEMENTS, report())
    kafka.write(DIRECTIVES, received())
    rig = Rig(world, kafka)

    assert await rig.turn() is Turn.WORKED

    assert await world.answers() == [("search", "account:a", 1, "applied")]
    assert await world.count(directives) == 1
    assert rig.source.hints == {WITHHOLDINGS: 1, ENFORCEMENTS: 1, DIRECTIVES: 1}


@pytest.mark.fault(22)
async def test_a_crash_before_the_commit_leaves_no_effect_and_is_made_up_for(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, withholding(), withholding(version=2))
    with pytest.raises(Killed):
        await Rig(world, kafka, Killed()).turn()
    assert await world.present() == {}
    assert await stored_offset(world) == []

    await Rig(world, kafka).turn()

    assert await world.present() == {KEY: (2, "released")}


@pytest.mark.fault(21)
async def test_a_crash_after_the_commit_has_a_single_effect(world: World, kafka: FakeKafka) -> None:
    """Kafka never learns how far it came; the database knows."""
    garbage = record(withholding())._replace(value=b"garbage")
    kafka.write(WITHHOLDINGS, withholding(version=3), garbage)
    rig = Rig(world, kafka)
    rig.source.die_at_hint = True
    with pytest.raises(Killed):
        await rig.turn()

    second = Rig(world, kafka)
    assert await second.turn() is Turn.IDLE

    assert world.metric("geowithhold_version_holes_total") == 1
    assert await world.count(quarantine) == 1
    assert await stored_offset(world) == [(TOPICS.withholdings, 2)]


@pytest.mark.fault(21)
async def test_records_below_the_stored_offset_have_no_effect(world: World, kafka: FakeKafka) -> None:
    """As after a rebalance, when another process was quicker."""
    kafka.write(WITHHOLDINGS, withholding(), record(withholding())._replace(value=b"garbage"))
    slow = Rig(world, kafka)
    batches = await slow.source.poll()
    await Rig(world, kafka).turn()
    slow.source.next = {WITHHOLDINGS: 0}
    kafka.write(WITHHOLDINGS, withholding(version=2))

    await slow.turn()

    assert len(batches[WITHHOLDINGS]) == 2
    assert await world.count(quarantine) == 1
    assert await world.present() == {KEY: (2, "released")}


async def test_a_batch_that_has_all_had_its_effect_does_nothing(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, withholding())
    await Rig(world, kafka).turn()
    slow = Rig(world, kafka)
    slow.source.next = {WITHHOLDINGS: 0}

    await slow.turn()

    assert await stored_offset(world) == [(TOPICS.withholdings, 1)]


async def test_what_cannot_be_understood_is_set_aside_with_its_bytes_and_passed(world: World, kafka: FakeKafka) -> None:
    garbage = Record(b"IN/account:b", b"\xff\x00", ())
    kafka.write(WITHHOLDINGS, garbage, withholding())

    await Rig(world, kafka).turn()

    c = quarantine.c
    ((offset, reason, key, value),) = await world.rows(select(c.offset, c.reason, c.key, c.value))
    assert (offset, key, value) == (0, b"IN/account:b", b"\xff\x00")
    assert "CloudEvents" in reason
    assert await world.present() == {KEY: (1, "withheld")}


@pytest.mark.parametrize(
    ("key", "hole"),
    [
        pytest.param(b"IN/account:b", {"IN/account:b": (1, None)}, id="a key"),
        pytest.param(b"account:b", {}, id="no key"),
        pytest.param(b"\xff", {}, id="no text"),
        pytest.param(b"Narnia/account:b", {}, id="no jurisdiction"),
        pytest.param(b"IN/account:\x00", {}, id="what cannot be stored"),
        pytest.param(b"IN/account:" + b"b" * 3000, {}, id="what no index takes"),
    ],
)
async def test_the_blocklist_is_asked_what_the_record_may_have_said(
    world: World, kafka: FakeKafka, key: bytes, hole: dict[str, tuple[int, None]]
) -> None:
    kafka.write(WITHHOLDINGS, Record(key, b"garbage", ()))

    await Rig(world, kafka).turn()

    assert await world.holes() == hole


async def test_the_blocklist_is_asked_about_directives_too_and_not_about_reports(world: World, kafka: FakeKafka) -> None:
    kafka.write(DIRECTIVES, Record(DIRECTIVE.encode(), b"garbage", ()), Record(b"dir_1", b"garbage", ()))
    kafka.write(ENFORCEMENTS, Record(KEY.encode(), b"garbage", ()))

    await Rig(world, kafka).turn()

    c = revision_holes.c
    assert await world.rows(select(c.directive, c.first, c.last)) == [(DIRECTIVE, 1, None)]
    assert await world.holes() == {}
    assert await world.count(quarantine) == 3


async def test_a_contradiction_is_set_aside_with_its_bytes(world: World, kafka: FakeKafka) -> None:
    other = record(withholding(label="local_law"))
    kafka.write(WITHHOLDINGS, withholding(), Record(KEY.encode(), None, ()), other)

    await Rig(world, kafka).turn()

    assert await world.rows(select(quarantine.c.offset, quarantine.c.value)) == [(2, other.value)]
    assert await world.holes() == {KEY: (1, None)}


async def test_a_tombstone_has_no_effect(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, withholding(), Record(KEY.encode(), None, ()))

    await Rig(world, kafka).turn()

    assert await world.present() == {KEY: (1, "withheld")}
    assert await world.count(quarantine) == 0
    assert await stored_offset(world) == [(TOPICS.withholdings, 2)]


def away() -> OperationalError:
    return OperationalError("SELECT 1", {}, Exception("the database is away"), connection_invalidated=True)


@pytest.mark.parametrize("fault", [away, ConnectionError, RuntimeError], ids=["database", "network", "bug"])
async def test_a_batch_that_fails_is_tried_again_until_it_succeeds_and_never_set_aside(
    world: World, kafka: FakeKafka, fault: Callable[[], Exception]
) -> None:
    kafka.write(WITHHOLDINGS, withholding())
    rig = Rig(world, kafka, fault(), fault(), fault())

    for _ in range(3):
        assert await rig.turn() is Turn.WORKED
        assert await world.present() == {}
    await rig.turn()

    assert await world.present() == {KEY: (1, "withheld")}
    assert await world.count(quarantine) == 0


async def test_a_batch_that_fails_holds_its_own_partition_only_and_for_a_while(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, withholding())
    kafka.write(DIRECTIVES, received())
    rig = Rig(world, kafka, RuntimeError("a bug"))
    await rig.turn()
    rig.monotonic.now, rig.monotonic.step = -1.0, 0.0

    assert await rig.turn() is Turn.IDLE
    assert await world.count(directives) == 1
    assert await world.present() == {}

    rig.monotonic.step = 36_000.0
    await rig.turn()
    assert await world.present() == {KEY: (1, "withheld")}


async def test_lag_is_the_age_of_what_was_come_to_and_not_passed(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, *(withholding(version=number) for number in range(1, 4)))
    rig = Rig(world, kafka)
    rig.source.per_poll = 2
    rig.consumer._source = rig.source
    rig.wall.now = after(60)

    assert rig.consumer.lag() == dict.fromkeys(topics_read(TOPICS), 0)
    await rig.turn()
    assert rig.consumer.lag()[TOPICS.withholdings] == 59
    await rig.turn()
    assert rig.consumer.lag()[TOPICS.withholdings] == 0


async def test_what_is_held_lags_by_its_first_record(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, withholding(), withholding(version=2))
    rig = Rig(world, kafka, RuntimeError("a bug"))
    rig.wall.now = after(60)

    await rig.turn()

    assert rig.consumer.lag()[TOPICS.withholdings] == 60


async def test_it_says_when_it_has_caught_up(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, withholding())
    rig = Rig(world, kafka)
    await rig.turn()
    assert not rig.consumer.caught_up.is_set()

    await rig.turn()

    assert rig.consumer.caught_up.is_set()


async def test_it_has_not_caught_up_before_it_knows_what_to_read(world: World, kafka: FakeKafka) -> None:
    rig = Rig(world, kafka)
    rig.source.assigned = False

    await rig.turn()

    assert not rig.consumer.caught_up.is_set()


async def test_it_consumes_until_it_is_told_to_stop(sqlite_world: World, kafka: FakeKafka) -> None:
    rig = Rig(sqlite_world, kafka)
    stop = asyncio.Event()
    assert not rig.consumer.assigned
    running = asyncio.create_task(rig.consumer.run(stop))

    kafka.write(WITHHOLDINGS, withholding())

    await eventually(lambda: rig.consumer.assigned)
    present: dict[str, tuple[int, str]] = await eventually(sqlite_world.present)
    stop.set()
    await running
    assert present == {KEY: (1, "withheld")}
    assert not rig.consumer.assigned


async def test_it_can_be_stopped_while_kafka_does_not_answer(sqlite_world: World) -> None:
    left = asyncio.Event()

    @asynccontextmanager
    async def never() -> AsyncIterator[RecordSource]:
        try:
            await asyncio.Event().wait()
            yield FakeSource(FakeKafka(), StoredPositions(sqlite_world.commands))
        finally:
            left.set()

    consumer = Consumer(connect=never, inbox=StoredInbox(sqlite_world.commands, TOPICS), topics=topics_read(TOPICS))
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    stop.set()
    await running

    assert left.is_set()


async def test_what_is_held_is_forgotten_once_another_has_its_partition(world: World, kafka: FakeKafka) -> None:
    """Or its lag would grow for ever, and nobody would be told should the partition come back and stall."""
    kafka.write(WITHHOLDINGS, withholding())
    rig = Rig(world, kafka, RuntimeError("a bug"))
    rig.wall.now = after(60)
    await rig.turn()
    assert rig.consumer.lag()[TOPICS.withholdings] == 60

    rig.source.elsewhere.add(WITHHOLDINGS)
    await rig.turn()

    assert rig.consumer.lag()[TOPICS.withholdings] == 0
    rig.source.elsewhere.clear()
    rig.source.held.clear()
    await rig.turn()
    assert await world.present() == {KEY: (1, "withheld")}
