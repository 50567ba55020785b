"""Records go to Kafka, or it is not known whether they did. There is no third answer that may be acted on.

Promises: `publish` returns only when every record was acknowledged, in the order given, one batch in flight at a time. After any
error the producer is used for nothing new and thrown away, with what it has not sent: its sequence numbers can no longer be
trusted, and what is sent again by another must not be followed by the same from it.
Does not promise: that records whose publication failed are not on the topic. A timed-out batch may arrive later, as long as the
other calls that used its producer last; readers drop what they have seen.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer

from shared.events import Record
from shared.kafka import REQUEST_TIMEOUT_MS, abandon, stop_quietly
from shared.outbox.table import Lane
from shared.steps import Step, reached

PUBLISH_WITHIN = 2 * REQUEST_TIMEOUT_MS / 1000


class Publisher(Protocol):
    """What the relay needs of a broker."""

    async def publish(self, lane: Lane, records: Sequence[Record]) -> int | None:
        """The offset of the last record, once every one was acknowledged; None if the broker does not tell.

        Raises whatever went wrong, TimeoutError included. What is on the topic is unknown then; the next call uses a new client.
        """
        ...

    async def discard(self) -> None:
        """Ends the client. Takes little time, whatever the broker does."""
        ...


@dataclass
class _Client:
    """A producer, or the start of one; how many calls are using it, and whether one of them failed."""

    started: asyncio.Task[AIOKafkaProducer]
    users: int = 0
    failed: bool = False


class KafkaPublisher:
    """Lanes share a client, and one that fails takes it from no other: it is stopped when the last call that uses it is done."""

    def __init__(self, make: Callable[[], AIOKafkaProducer], *, within: float = PUBLISH_WITHIN, stop_within: float = 5.0) -> None:
        self._make = make
        self._within = within
        self._stop_within = stop_within
        self._client: _Client | None = None
        self._stopping: set[asyncio.Task[None]] = set()

    async def publish(self, lane: Lane, records: Sequence[Record]) -> int | None:
        client = self._client = self._client or _Client(asyncio.create_task(self._start()))
        client.users += 1
        try:
            return await self._send(await asyncio.shield(client.started), lane, records)
        except BaseException:
            client.failed = True
            self._retire(client)
            raise
        finally:
            client.users -= 1
            self._stop_if_done(client)

    async def discard(self) -> None:
        if self._client:
            client = self._client
            self._retire(client)
            self._stop_if_done(client)
        await asyncio.gather(*self._stopping)

    async def _send(self, producer: AIOKafkaProducer, lane: Lane, records: Sequence[Record]) -> int | None:
        offset = None
        for batch in _batches(producer, records):
            acknowledged = await asyncio.wait_for(producer.send_batch(batch, lane.topic, partition=lane.partition), self._within)
            reached(Step.BATCH_SENT)
            first = (await asyncio.wait_for(acknowledged, self._within)).offset
            offset = first + batch.record_count() - 1 if first >= 0 else None
        return offset

    async def _start(self) -> AIOKafkaProducer:
        producer = self._make()
        try:
            await asyncio.wait_for(producer.start(), self._within)
        except BaseException:
            await stop_quietly(producer)
            raise
        return producer

    def _retire(self, client: _Client) -> None:
        if self._client is client:
            self._client = None

    def _stop_if_done(self, client: _Client) -> None:
        if client.users == 0 and client is not self._client:
            stopping = asyncio.create_task(self._stop(client))
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)

    async def _stop(self, client: _Client) -> None:
        client.started.cancel()  # does nothing to a start that is done; nobody waits for any other
        await asyncio.wait([client.started])
        if not client.started.cancelled() and client.started.exception() is None:
            stop = abandon if client.failed else stop_quietly
            await stop(client.started.result(), within=self._stop_within)


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
