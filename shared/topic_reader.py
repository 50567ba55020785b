"""Everything that stands on topics now, read once from their beginning, without a group.

Promises: every record of every partition that was there when the reading began is handed on, in the order of its partition;
what a transaction has not committed is not. Raises `NotReadable` rather than leave anything out: also when a topic is missing.
Does not promise: what comes after that.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.events import Position, Record, position_of
from shared.kafka import make_consumer, stop_quietly

STALLED_AFTER = 30.0
"""Seconds without a record after which a topic that should have more cannot be read."""

_POLL_MS = 500
_RECORDS = 2000


class NotReadable(Exception):
    """Kafka does not answer, or not with all that it should have."""


class Found(NamedTuple):
    """A record where it stands; its position is what its publisher numbered it with, if it did."""

    topic: str
    partition: int
    offset: int
    record: Record

    @property
    def position(self) -> Position | None:
        return position_of(self.record.headers)


@dataclass(slots=True)
class Numbers:
    """The highest number of each lane that a publisher, known by its `source`, was seen to give out, and the highest epoch."""

    source: bytes
    sequences: dict[tuple[str, int], int] = field(default_factory=dict)
    epoch: int = 0
    stale: int = 0
    _epochs: dict[tuple[str, int], int] = field(default_factory=dict)

    def take(self, found: Found) -> bool:
        """Takes the record into account. False for one of an epoch before one seen in its lane: no reader takes it."""
        position, lane = found.position, (found.topic, found.partition)
        if position is None or dict(found.record.headers).get("ce_source") != self.source:
            return True
        if position.epoch < self._epochs.get(lane, 0):
            self.stale += 1
            return False
        self._epochs[lane] = position.epoch
        self.epoch = max(self.epoch, position.epoch)
        self.sequences[lane] = max(position.sequence, self.sequences.get(lane, 0))
        return True


async def read_all(
    bootstrap: str, topics: Sequence[str], partitions: int, *, perhaps: Sequence[str] = ()
) -> AsyncIterator[list[Found]]:
    """The records of these topics, and of those that may not be there, in batches of one partition each. Raises NotReadable."""
    async with _consumer(bootstrap) as consumer:
        try:
            names = await _known(consumer, topics, perhaps, partitions)
            places = [TopicPartition(topic, number) for topic in names for number in range(partitions)]
            ends = await _placed(consumer, places)
            async for batch in _until(consumer, ends):
                yield batch
        except KafkaError as error:
            raise NotReadable(f"Kafka at {bootstrap}: {error!r}") from error


async def _known(consumer: AIOKafkaConsumer, topics: Sequence[str], perhaps: Sequence[str], partitions: int) -> list[str]:
    """Those of the topics that are there, each with just so many partitions."""
    cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001 (the public way tells of no partitions)
    missing = set(topics) - cluster.topics()
    if missing:
        raise NotReadable(f"there is no topic {', '.join(sorted(missing))}")
    names = [*topics, *(topic for topic in perhaps if topic in cluster.topics())]
    for topic in names:
        found = len(cluster.partitions_for_topic(topic) or ())
        if found != partitions:
            raise NotReadable(f"topic {topic} has {found} partitions, the settings say {partitions}")
    return names


async def _placed(consumer: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
    """Where each partition ends, with the consumer at its beginning; without those that are empty."""
    consumer.assign(places)
    begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    for place, begin in begins.items():
        consumer.seek(place, begin)
    return {place: end for place, end in ends.items() if end > begins[place]}


async def _until(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> AsyncIterator[list[Found]]:
    """A partition may end with records that are none (marks of transactions), so its position counts, not its last record."""
    left, moved = dict(ends), time.monotonic()
    while left:
        batches = await consumer.getmany(*left, timeout_ms=_POLL_MS, max_records=_RECORDS)
        for place, records in batches.items():
            yield [_found(record) for record in records if record.offset < ends[place]]
        reached = {place: await consumer.position(place) for place in left}
        left = {place: end for place, end in left.items() if reached[place] < end}
        if batches:
            moved = time.monotonic()
        elif time.monotonic() - moved > STALLED_AFTER:
            raise NotReadable(f"nothing comes from {', '.join(f'{place.topic}/{place.partition}' for place in left)}")


@asynccontextmanager
async def _consumer(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = make_consumer(bootstrap, group=None, client_id="geowithhold-restore")
    try:
        await asyncio.wait_for(consumer.start(), STALLED_AFTER)
        yield consumer
    except (TimeoutError, KafkaError) as error:
        raise NotReadable(f"Kafka at {bootstrap}: {error!r}") from error
    finally:
        await stop_quietly(consumer)


def _found(record: Any) -> Found:
    stored = Record(record.key or b"", record.value, tuple(record.headers))
    return Found(record.topic, record.partition, record.offset, stored)
