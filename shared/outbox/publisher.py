"""Records go to Kafka, or it is not known whether they did. There is no third answer that may be acted on.

Promises: `publish` returns only when every record was acknowledged, in the order given, one batch in flight at a time. After any
error the producer is thrown away, because its sequence numbers can no longer be trusted.
Does not promise: that records whose publication failed are not on the topic. A timed-out batch may arrive later; readers
drop what they have seen.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from shared.events import Record
from shared.kafka import REQUEST_TIMEOUT_MS, stop_quietly
from shared.outbox.table import Lane

PUBLISH_WITHIN = 2 * REQUEST_TIMEOUT_MS / 1000


class Publisher(Protocol):
    """What the relay needs of a broker."""

    async def publish(self, lane: Lane, records: Sequence[Record]) -> None: ...

    async def discard(self) -> None: ...


class KafkaPublisher:
    def __init__(self, make: Callable[[], AIOKafkaProducer], *, within: float = PUBLISH_WITHIN) -> None:
        self._make = make
        self._within = within
        self._producer: asyncio.Task[AIOKafkaProducer] | None = None

    async def publish(self, lane: Lane, records: Sequence[Record]) -> None:
        """Raises whatever went wrong, TimeoutError included; the caller discards, marks nothing, and sends again."""
        if self._producer is None:
            self._producer = asyncio.create_task(self._start())
        producer = await asyncio.shield(self._producer)  # one start, and one failure of it, for all lanes
        for batch in _batches(producer, records):
            acknowledged = await asyncio.wait_for(producer.send_batch(batch, lane.topic, partition=lane.partition), self._within)
            await asyncio.wait_for(acknowledged, self._within)

    async def discard(self) -> None:
        started, self._producer = self._producer, None
        if started is None:
            return
        await asyncio.wait([started])
        if started.exception() is None:
            await stop_quietly(started.result())

    async def _start(self) -> AIOKafkaProducer:
        producer = self._make()
        try:
            await asyncio.wait_for(producer.start(), self._within)
        except BaseException:
            await stop_quietly(producer)
            raise
        return producer


def _batches(producer: AIOKafkaProducer, records: Sequence[Record]) -> Iterator[Any]:
    """The records in as few batches as they fit in. Each batch is written all or not at all."""
    batch = producer.create_batch()
    for record in records:
        if _append(batch, record) is None:
            yield batch
            batch = producer.create_batch()
            _append(batch, record)  # the first record of a batch always fits; one too large for the broker is its to refuse
    if batch.record_count():
        yield batch


def _append(batch: Any, record: Record) -> Any:
    return batch.append(timestamp=None, key=record.key, value=record.value, headers=list(record.headers))
