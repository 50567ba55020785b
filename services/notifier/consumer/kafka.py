"""Kafka as a source of records, placed by the offsets that the database holds.

Promises: no record of a partition is handed on before the partition was placed where the database says, anew after each
rebalance. An offset that Kafka does not have any more is an alarm, and the partition is read again from its beginning: what has
had its effect has none a second time, what is missing shows by its numbers and is fetched from the blocklist.
A record that the client cannot read is given by its place, and keeps nobody from what comes after it.
Does not promise: that a broker that goes away is an error; then there is just nothing to poll.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from services.notifier.consumer.hints import Hints
from services.notifier.consumer.records import Consumed, Partition, topics_read
from services.notifier.settings import NotifierSettings
from shared.events import Record
from shared.kafka import ensure_topics, make_consumer, stop_quietly
from shared.logs import get_logger
from shared.topic_guard import TopicGuard

log = get_logger(__name__)

POLL_MS = 200
LONGEST_POLL = 1.0
RECORDS = 2000
"""Most records of one poll, and so of one transaction."""

FRESH_MS = 2000
"""How long what the broker said of a partition's end is good for. It says so with every answer, at least twice a second."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Positions(Protocol):
    """Where each partition goes on, as the database has it."""

    async def find(self, partition: Partition) -> int | None: ...

    async def rewind(self, partition: Partition, offset: int) -> None: ...


class KafkaSource(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """`_next` has the partitions that are placed, and for each the offset after what was polled last."""

    def __init__(self, consumer: AIOKafkaConsumer, positions: Positions) -> None:
        self._consumer = consumer
        self._positions = positions
        self._next: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}
        self._hints = Hints(consumer)
        self._assigned = False

    @property
    def assigned(self) -> bool:
        return self._assigned

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 (aiokafka's signature)
        self._next.clear()
        self._assigned = False
        await self._hints.finish()

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002 (aiokafka's signature)
        self._next.clear()
        self._assigned = True

    async def poll(self) -> Mapping[Partition, Sequence[Consumed]]:
        try:
            await self._place()
            return await self._polled()
        except OffsetOutOfRangeError as error:
            await self._start_over(error)
            return {}
        except (NoOffsetForPartitionError, IllegalStateError) as error:
            log.info("partitions_on_the_move", error=repr(error))
            return {}

    async def _polled(self) -> Mapping[Partition, Sequence[Consumed]]:
        try:
            polled = await self._fetched()
        except UnicodeDecodeError as error:
            return await self._isolate(error)
        batches = {partition: batch for partition, batch in _batches(polled) if partition in self._next}
        self._next.update({partition: batch[-1].offset + 1 for partition, batch in batches.items()})
        return batches

    async def _fetched(self) -> Mapping[Any, Sequence[Any]]:
        """While partitions move aiokafka waits for the end of that, however long it takes. Nobody has to wait with it."""
        fetching = self._consumer.getmany(timeout_ms=POLL_MS, max_records=RECORDS)
        try:
            return await asyncio.wait_for(fetching, LONGEST_POLL)
        except TimeoutError:
            return {}

    def hold(self, partition: Partition, offset: int) -> None:
        if partition in self._next:
            self._consumer.seek(TopicPartition(*partition), offset)
            self._consumer.pause(TopicPartition(*partition))
            self._next[partition] = offset

    def resume(self, partition: Partition) -> None:
        if partition in self._next:
            self._consumer.resume(TopicPartition(*partition))

    async def hint(self, partition: Partition, next_offset: int) -> None:
        if self._assigned:
            self._hints.give(partition, next_offset)

    async def finish(self) -> None:
        """Kafka is told the last that it may know."""
        await self._hints.finish()

    async def look(self) -> bool:
        try:
            ends = await self._consumer.end_offsets([TopicPartition(*partition) for partition in self._next])
            passed = {place: await self._consumer.position(place) for place in ends}
        except KafkaError as error:
            log.warning("broker_does_not_say", error=repr(error))
            return False
        for place, end in ends.items():
            partition = Partition(place.topic, place.partition)
            self._ends[partition] = end
            if partition in self._next:
                self._next[partition] = max(self._next[partition], passed[place])
        return True

    def behind(self) -> frozenset[Partition]:
        return frozenset(partition for partition, offset in self._next.items() if self._is_behind(partition, offset))

    def at_end(self) -> frozenset[Partition]:
        return frozenset(partition for partition in self._next.keys() - self.behind() if self._is_told_of(partition))

    async def _place(self) -> None:
        """Brings every partition that is assigned, and not placed yet, to where the database says that it goes on."""
        for assigned in self._consumer.assignment():
            partition = Partition(assigned.topic, assigned.partition)
            if partition not in self._next:
                offset = await self._positions.find(partition)
                if offset is None:
                    offset = (await self._consumer.beginning_offsets([assigned]))[assigned]
                self._consumer.seek(assigned, offset)
                self._next[partition] = offset

    async def _start_over(self, error: OffsetOutOfRangeError) -> None:
        beginnings = await self._consumer.beginning_offsets(list(error.args[0]))
        for lost, beginning in beginnings.items():
            partition = Partition(lost.topic, lost.partition)
            await self._positions.rewind(partition, beginning)
            self._next.pop(partition, None)

    async def _isolate(self, error: UnicodeDecodeError) -> Mapping[Partition, Sequence[Consumed]]:
        """A record has a header whose name is no text, and Kafka's client gives nobody that record, or any that it read with it.

        So each partition is read again from where it was, one by one, and of that record is given what is known of it: its place.
        """
        batches: dict[Partition, list[Consumed]] = {}
        for partition, offset in list(self._next.items()):
            self._consumer.seek(TopicPartition(*partition), offset)
        for partition, offset in list(self._next.items()):
            batch, stumbled = await self._one_by_one(partition)
            if stumbled:
                bad = await self._last_stumble(partition, batch[-1].offset + 1 if batch else offset)
                log.error("unreadable_headers", topic=partition.topic, partition=partition.number, offset=bad, error=str(error))
                batch.append(Consumed(bad, datetime.now(UTC), Record(b"", b"", ())))
                self._consumer.seek(TopicPartition(*partition), bad + 1)
            if batch:
                batches[partition] = batch
                self._next[partition] = batch[-1].offset + 1
        return batches

    async def _one_by_one(self, partition: Partition) -> tuple[list[Consumed], bool]:
        """What can be read now, and whether something came then that cannot."""
        place, batch = TopicPartition(*partition), list[Consumed]()
        while len(batch) < RECORDS:
            try:
                found = (await self._consumer.getmany(place, timeout_ms=POLL_MS, max_records=1)).get(place)
            except UnicodeDecodeError:
                return batch, True
            if not found:
                break
            batch += map(_consumed, found)
        return batch, False

    async def _last_stumble(self, partition: Partition, first: int) -> int:
        """The offset of the record: the last from which the partition cannot be read. Compaction may have left a gap before."""
        step = 1
        while await self._stumbles(partition, first + step):
            first, step = first + step, step * 2
        while step > 1:
            step //= 2
            first += step if await self._stumbles(partition, first + step) else 0
        return first

    async def _stumbles(self, partition: Partition, offset: int) -> bool:
        """Whether the next record from this offset on cannot be read."""
        place = TopicPartition(*partition)
        self._consumer.seek(place, offset)
        try:
            await self._consumer.getmany(place, timeout_ms=POLL_MS, max_records=1)
        except UnicodeDecodeError:
            return True
        except OffsetOutOfRangeError:
            return False
        return False

    def _is_told_of(self, partition: Partition) -> bool:
        """Whether the broker has just said how far the partition goes."""
        told_at = self._consumer.last_poll_timestamp(TopicPartition(*partition))
        return told_at is not None and 0 <= time.time() * 1000 - told_at <= FRESH_MS

    def _is_behind(self, partition: Partition, offset: int) -> bool:
        """As long as the broker has not said how far the partition goes, it may."""
        told = self._consumer.highwater(TopicPartition(*partition))
        return told is None or offset < max(told, self._ends.get(partition, 0))


@asynccontextmanager
async def connected(
    settings: NotifierSettings, positions: Positions, guard: TopicGuard | None = None
) -> AsyncIterator[KafkaSource]:
    """A source in the notifier's group, in which this instance, if it has a name, keeps its partitions over a restart.

    First it makes the topics as they should be, or keys would land elsewhere. With a guard they are held to all of the contract.
    """
    bootstrap, topics = settings.kafka_bootstrap_servers, settings.topics
    await (guard.ensure() if guard else ensure_topics(bootstrap, topics.specs()))
    consumer = make_consumer(
        bootstrap,
        group=topics.notifier_group,
        client_id="geowithhold-notifier",
        instance=settings.instance or None,
        idle_pause_ms=settings.kafka_idle_pause_ms,
    )
    source = KafkaSource(consumer, positions)
    consumer.subscribe(topics_read(topics), listener=source)
    try:
        await consumer.start()
        yield source
    finally:
        await source.finish()
        await stop_quietly(consumer)


def _batches(polled: Mapping[Any, Sequence[Any]]) -> Iterable[tuple[Partition, list[Consumed]]]:
    for place, records in polled.items():
        if records:
            yield Partition(place.topic, place.partition), list(map(_consumed, records))


def _consumed(record: Any) -> Consumed:
    at = _EPOCH + timedelta(milliseconds=record.timestamp)
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Consumed(record.offset, at, Record(record.key or b"", record.value, headers))
