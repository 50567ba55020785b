"""Against the broker: what the fake source of the other tests stands in for."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaTimeoutError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

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
from services.notifier.consumer.records import NotUnderstood, read
from services.notifier.settings import NotifierSettings
from shared.events import Payload, Record
from shared.topics import Topics
from tests.integration.notifier.world import World
from tests.support.broker import produce
from tests.support.eventually import eventually
from tests.unit.notifier.builders import record, report, withholding


@dataclass(slots=True)
class FakePositions:
    stored: dict[Partition, int] = field(default_factory=dict)
    rewound: list[tuple[Partition, int]] = field(default_factory=list)

    async def find(self, partition: Partition) -> int | None:
        return self.stored.get(partition)

    async def rewind(self, partition: Partition, offset: int) -> None:
        self.rewound.append((partition, offset))
        self.stored[partition] = offset


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


@pytest.fixture
def place(settings: NotifierSettings) -> Partition:
    return Partition(settings.topics.withholdings, 0)


async def write(settings: NotifierSettings, topic: str, *events: Payload) -> None:
    records = [record(event) for event in events]
    await produce(
        settings.kafka_bootstrap_servers, topic, [(each.key.decode(), each.value, list(each.headers)) for each in records]
    )


async def offsets(source: KafkaSource, place: Partition, *, within: float = 20) -> list[int]:
    """The offsets of the next batch of the partition."""

    async def batch() -> Sequence[Consumed]:
        return (await source.poll()).get(place, ())

    found: Sequence[Consumed] = await eventually(batch, within=within)
    return [consumed.offset for consumed in found]


async def test_a_partition_is_read_from_its_beginning_or_from_where_the_database_says(
    settings: NotifierSettings, place: Partition
) -> None:
    async with connected(settings, FakePositions()) as source:
        await write(settings, place.topic, withholding(), withholding(version=2))
        assert await offsets(source, place) == [0, 1]
        assert source.assigned
        await source.hint(place, 1)

    async with connected(settings, FakePositions({place: 1})) as source:
        assert await offsets(source, place) == [1]


async def test_the_offset_that_kafka_was_told_is_a_hint_and_no_more(settings: NotifierSettings, place: Partition) -> None:
    async with connected(settings, FakePositions()) as source:
        await write(settings, place.topic, withholding(), withholding(version=2))
        await offsets(source, place)
        await source.hint(place, 2)

    async with connected(settings, FakePositions({place: 0})) as source:
        assert await offsets(source, place) == [0, 1]


async def test_a_record_comes_with_its_key_bytes_headers_and_time(settings: NotifierSettings, place: Partition) -> None:
    async with connected(settings, FakePositions()) as source:
        await write(settings, place.topic, withholding())

        async def first() -> list[Consumed]:
            return [consumed for batch in (await source.poll()).values() for consumed in batch]

        found: list[Consumed] = await eventually(first)

    (consumed,) = found
    assert consumed.record == record(withholding())
    assert consumed.timestamp.tzinfo is not None


async def test_a_partition_that_is_held_is_read_again_from_there_once_it_is_resumed(
    settings: NotifierSettings, place: Partition
) -> None:
    async with connected(settings, FakePositions()) as source:
        await write(settings, place.topic, withholding(), withholding(version=2))
        await offsets(source, place)

        source.hold(place, 1)
        held = await source.poll()
        behind = source.behind()
        source.resume(place)

        assert place not in held
        assert place in behind
        assert await offsets(source, place) == [1]
        assert place not in source.behind()


async def test_an_offset_that_kafka_does_not_have_any_more_starts_the_partition_over(
    settings: NotifierSettings, place: Partition
) -> None:
    positions = FakePositions({place: 1000})
    async with connected(settings, positions) as source:
        await write(settings, place.topic, withholding())

        assert await offsets(source, place) == [0]

    assert positions.rewound == [(place, 0)]


class MovingConsumer:
    """A consumer whose partitions come and go; what it is asked to poll fails as it is told."""

    def __init__(self, *faults: Exception) -> None:
        self._faults = list(faults)
        self.sought: list[tuple[TopicPartition, int]] = []
        self.end = self.passed = 7
        self.away = False
        self.told_at: int | None = None

    def last_poll_timestamp(self, _partition: TopicPartition) -> int | None:
        return self.told_at

    def highwater(self, _partition: TopicPartition) -> int:
        return 7

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        if self.away:
            raise KafkaTimeoutError
        return {**dict.fromkeys(partitions, self.end), TopicPartition("gone", 0): 5}

    async def position(self, _partition: TopicPartition) -> int:
        return self.passed

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("t", 0)}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.sought.append((partition, offset))

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def getmany(self, **_options: object) -> dict[TopicPartition, list[object]]:
        if self._faults:
            raise self._faults.pop(0)
        return {TopicPartition("gone", 0): [], TopicPartition("t", 0): []}

    async def commit(self, _offsets: object) -> None:
        raise IllegalStateError("not assigned any more")


@pytest.mark.parametrize("fault", [NoOffsetForPartitionError(), IllegalStateError()])
async def test_partitions_on_the_move_are_polled_again(fault: Exception) -> None:
    source = KafkaSource(MovingConsumer(fault), FakePositions({Partition("t", 0): 7}))

    assert await source.poll() == {}
    assert await source.poll() == {}


@pytest.mark.fault(23)
@pytest.mark.fault(23)
async def test_while_partitions_move_nobody_waits_for_the_end_of_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.notifier.consumer.kafka.LONGEST_POLL", 0.01)

    class JoiningConsumer(MovingConsumer):
        async def getmany(self, **_options: object) -> dict[TopicPartition, list[object]]:
            await asyncio.Event().wait()
            raise AssertionError

    assert await KafkaSource(JoiningConsumer(), FakePositions({Partition("t", 0): 7})).poll() == {}


async def test_after_a_rebalance_partitions_are_placed_anew() -> None:
    consumer = MovingConsumer()
    source = KafkaSource(consumer, FakePositions({Partition("t", 0): 7}))
    await source.poll()
    await source.poll()

    await source.on_partitions_revoked([])
    assert not source.assigned
    source.hold(Partition("t", 0), 1)
    source.resume(Partition("t", 0))
    assert source.behind() == frozenset()
    source.on_partitions_assigned([])
    await source.poll()

    assert consumer.sought == [(TopicPartition("t", 0), 7)] * 2


@pytest.mark.fault(25)
async def test_kafka_may_refuse_a_hint() -> None:
    source = KafkaSource(MovingConsumer(), FakePositions())
    await source.hint(Partition("t", 0), 1)
    source.on_partitions_assigned([])
    await source.hint(Partition("t", 0), 1)
    await source.finish()


async def test_what_the_broker_says_on_being_asked_shows_what_is_behind() -> None:
    consumer = MovingConsumer()
    source = KafkaSource(consumer, FakePositions({Partition("t", 0): 7}))
    await source.poll()
    assert source.behind() == frozenset()

    consumer.end = 9
    assert await source.look()
    assert source.behind() == {Partition("t", 0)}

    consumer.passed = 9
    assert await source.look()
    assert source.behind() == frozenset()


@pytest.mark.fault(28)
@pytest.mark.parametrize(
    ("offset", "seconds_ago", "at_end"),
    [
        pytest.param(7, 1, True, id="all was polled, as the broker has just said"),
        pytest.param(6, 1, False, id="one was not"),
        pytest.param(7, 3, False, id="all was, as of a while ago"),
        pytest.param(7, -9, False, id="all was, and the clock was set back since"),
        pytest.param(7, None, False, id="the broker has not said anything"),
    ],
)
async def test_a_partition_is_at_its_end(offset: int, seconds_ago: int | None, at_end: bool) -> None:
    consumer = MovingConsumer()
    source = KafkaSource(consumer, FakePositions({Partition("t", 0): offset}))
    await source.poll()
    consumer.told_at = None if seconds_ago is None else round((time.time() - seconds_ago) * 1000)

    assert source.at_end() == ({Partition("t", 0)} if at_end else frozenset())


async def test_who_has_just_been_told_what_to_read_has_not_caught_up(sqlite_world: World) -> None:
    """As when a second notifier joins while the first one reads what came during an outage."""
    kafka = MovingConsumer()
    kafka.told_at = round(time.time() * 1000)
    source = KafkaSource(kafka, FakePositions({Partition("t", 0): 7}))

    class Joining(MovingConsumer):
        async def getmany(self, **_options: object) -> dict[TopicPartition, list[object]]:
            source.on_partitions_assigned([])
            return {}

    @asynccontextmanager
    async def connect() -> AsyncIterator[KafkaSource]:
        yield source

    one = Consumer(connect=connect, inbox=StoredInbox(sqlite_world.commands, Topics()), topics=["t"])
    source._consumer = Joining()
    await one.run_once(source)
    assert not one.caught_up.is_set()

    source._consumer = kafka
    await one.run_once(source)
    assert one.caught_up.is_set()


async def test_the_broker_says_how_far_a_partition_goes_though_nothing_comes(settings: NotifierSettings) -> None:
    async with connected(settings, FakePositions()) as source:

        async def all_at_end() -> bool:
            await source.poll()
            return source.at_end() == {Partition(topic, 0) for topic in topics_read(settings.topics)}

        await eventually(all_at_end, within=20)


async def test_a_broker_that_does_not_say_is_no_error() -> None:
    consumer = MovingConsumer()
    source = KafkaSource(consumer, FakePositions({Partition("t", 0): 7}))
    consumer.away = True

    assert not await source.look()


async def test_an_offset_lost_in_a_partition_that_is_gone_is_rewound_too() -> None:
    positions = FakePositions()
    source = KafkaSource(MovingConsumer(OffsetOutOfRangeError({TopicPartition("t", 0): 5})), positions)

    assert await source.poll() == {}
    assert positions.rewound == [(Partition("t", 0), 0)]


async def test_stored_positions_are_those_of_the_database(world: World) -> None:
    positions = StoredPositions(world.commands)
    place = Partition("t", 0)

    assert await positions.find(place) is None
    await positions.rewind(place, 7)
    assert await positions.find(place) is None


async def test_what_is_written_to_kafka_takes_effect(sqlite_world: World, settings: NotifierSettings, place: Partition) -> None:
    await sqlite_world.register()
    consumer = Consumer(
        connect=partial(connected, settings, StoredPositions(sqlite_world.commands)),
        inbox=StoredInbox(sqlite_world.commands, settings.topics),
        topics=topics_read(settings.topics),
    )
    async with consuming(consumer):
        await eventually(lambda: consumer.assigned)
        await write(settings, settings.topics.enforcements, report())
        await write(settings, place.topic, withholding())

        async def applied() -> bool:
            return await sqlite_world.answers() == [("search", "account:a", 1, "applied")]

        found: bool = await eventually(applied)
        assert found
        await asyncio.wait_for(consumer.caught_up.wait(), 10)
        assert set(consumer.lag().values()) == {0}


@asynccontextmanager
async def consuming(consumer: Consumer) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(consumer.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


class Stumbling:
    """A client that has these offsets of some partitions, and cannot read one of the first of them."""

    def __init__(self, *partitions: Sequence[int], unreadable: int) -> None:
        self.offsets = {TopicPartition("t", number): offsets for number, offsets in enumerate(partitions)}
        self.unreadable = (TopicPartition("t", 0), unreadable)
        self.at = dict.fromkeys(self.offsets, 0)

    def assignment(self) -> list[TopicPartition]:
        return list(self.offsets)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.at[place] = offset

    async def getmany(self, *places: TopicPartition, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        assert timeout_ms > 0
        polled = {place: self._read(place, max_records) for place in places or self.offsets}
        return {place: found for place, found in polled.items() if found}

    def _read(self, place: TopicPartition, most: int) -> list[Any]:
        if self.at[place] > self.offsets[place][-1] + 1:
            raise OffsetOutOfRangeError({place: self.at[place]})
        found = [offset for offset in self.offsets[place] if offset >= self.at[place]][:most]
        if self.unreadable in [(place, offset) for offset in found]:
            raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no text")
        self.at[place] = found[-1] + 1 if found else self.at[place]
        return [Stored(offset) for offset in found]


@dataclass(frozen=True, slots=True)
class Stored:
    offset: int
    timestamp: int = 0
    key: bytes | None = b"k"
    value: bytes | None = b"v"
    headers: tuple[tuple[str, bytes], ...] = ()


@pytest.mark.fault(29)
@pytest.mark.parametrize("records", [2, 2000])
@pytest.mark.parametrize(
    ("kept", "unreadable"),
    [
        pytest.param([0, 1, 2], 0, id="the first"),
        pytest.param([0, 1, 2], 1, id="in the middle"),
        pytest.param([0, 1, 2], 2, id="the last"),
        pytest.param([0, 1, 2, 9, 10], 9, id="after a gap that compaction left"),
        pytest.param([0, 40, 41], 40, id="after a long one"),
        pytest.param([7], 7, id="alone after a gap"),
    ],
)
async def test_of_a_record_that_the_client_cannot_read_its_place_is_found(
    monkeypatch: pytest.MonkeyPatch, kept: list[int], unreadable: int, records: int
) -> None:
    monkeypatch.setattr("services.notifier.consumer.kafka.RECORDS", records)
    source = KafkaSource(Stumbling(kept, unreadable=unreadable), FakePositions({Partition("t", 0): 0}))

    polled = [await source.poll() for _ in range(4)]

    found = [consumed for batches in polled for batch in batches.values() for consumed in batch]
    assert [consumed.offset for consumed in found] == kept
    assert [consumed.offset for consumed in found if consumed.record == Record(b"", b"", ())] == [unreadable]


async def test_a_partition_that_has_much_to_read_is_read_in_parts_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.notifier.consumer.kafka.RECORDS", 2)
    places = [Partition("t", 0), Partition("t", 1)]
    source = KafkaSource(Stumbling([0, 1], [0, 1, 2], unreadable=0), FakePositions(dict.fromkeys(places, 0)))

    polled = [await source.poll() for _ in range(2)]

    offsets = [{place: [each.offset for each in batch] for place, batch in batches.items()} for batches in polled]
    assert offsets == [{places[0]: [0], places[1]: [0, 1]}, {places[0]: [1], places[1]: [2]}]


class NoText(str):
    """A header's name as only a client of one's own can write it."""

    __slots__ = ()

    def encode(self, *_: Any, **__: Any) -> bytes:
        return b"\xff\xfe"


async def write_unreadable(settings: NotifierSettings, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers) as producer:
        batch = producer.create_batch()
        batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 16384)
        batch.append(timestamp=None, key=b"IN/account:a", value=b"{}", headers=[(NoText("x"), b"1")])
        await (await producer.send_batch(batch, topic, partition=0))


@pytest.mark.fault(29)
async def test_a_record_that_the_client_cannot_read_is_given_by_its_place_and_stops_nobody(
    settings: NotifierSettings, place: Partition
) -> None:
    async with connected(settings, FakePositions()) as source:
        await write(settings, place.topic, withholding(), withholding(version=2))
        await write_unreadable(settings, place.topic)
        await write(settings, place.topic, withholding(version=3))
        await write(settings, settings.topics.enforcements, report())

        async def all_of_it() -> bool:
            for partition, batch in (await source.poll()).items():
                found.setdefault(partition, []).extend(batch)
            return sum(map(len, found.values())) >= 5

        found: dict[Partition, list[Consumed]] = {}
        await eventually(all_of_it, within=30)

    assert [consumed.offset for consumed in found[place]] == [0, 1, 2, 3]
    assert len(found[Partition(settings.topics.enforcements, 0)]) == 1
    unreadable = found[place][2].record
    assert isinstance(read(unreadable, place.topic, settings.topics), NotUnderstood)
    assert [consumed.record for consumed in found[place][::3]] == [record(withholding()), record(withholding(version=3))]


@pytest.mark.fault(29)
async def test_a_header_without_a_value_says_nothing_and_stops_nobody(settings: NotifierSettings, place: Partition) -> None:
    headers: list[Any] = [("ce_type", None), ("x", b"1")]
    async with connected(settings, FakePositions()) as source:
        await produce(settings.kafka_bootstrap_servers, place.topic, [("IN/account:a", b"{}", headers)])

        async def first() -> list[Consumed]:
            return [consumed for batch in (await source.poll()).values() for consumed in batch]

        found: list[Consumed] = await eventually(first)

    assert found[0].record.headers == (("ce_type", b""), ("x", b"1"))
    assert isinstance(read(found[0].record, place.topic, settings.topics), NotUnderstood)
