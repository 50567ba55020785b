"""How Kafka holds an idempotent producer to its sequence numbers: why the relay takes a new one after any error."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import MessageSizeTooLargeError, OutOfOrderSequenceNumber

from shared.events import Record
from shared.kafka import make_producer, stop_quietly
from shared.outbox.failures import Failure, judge
from shared.outbox.publisher import KafkaPublisher
from shared.outbox.table import Lane
from tests.support.broker import read_topic

pytestmark = pytest.mark.apache

SMALL = {"max.message.bytes": "20000"}


def numbered(start: int, count: int, size: int = 10) -> list[Record]:
    return [Record(b"IN/account:a", f"{number}".rjust(size).encode(), ()) for number in range(start, start + count)]


@pytest.fixture
async def lane(broker: str, topic_prefix: str) -> Lane:
    """A lane of a topic that refuses batches of more than 20 kB."""
    return await made_lane(broker, topic_prefix)


async def made_lane(broker: str, topic: str) -> Lane:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=SMALL)])
    finally:
        await admin.close()
    return Lane(topic, 0)


@pytest.fixture
async def producer(broker: str) -> AsyncIterator[AIOKafkaProducer]:
    made = make_producer(broker, client_id="test")
    await made.start()
    yield made
    await stop_quietly(made)


async def send(producer: AIOKafkaProducer, lane: Lane, records: list[Record]) -> int:
    """One batch; gives the offset of its first record."""
    batch = producer.create_batch()
    for record in records:
        batch.append(timestamp=None, key=record.key, value=record.value)
    acknowledged = await producer.send_batch(batch, lane.topic, partition=lane.partition)
    return int((await asyncio.wait_for(acknowledged, 20)).offset)


async def values(broker: str, lane: Lane, count: int) -> list[int]:
    return [int(record.value) for record in await read_topic(broker, lane.topic, until=lambda found: len(found) >= count)]


@pytest.mark.fault(17)
async def test_a_producer_that_was_refused_one_batch_is_refused_all_that_follow(
    broker: str, producer: AIOKafkaProducer, lane: Lane
) -> None:
    await send(producer, lane, numbered(0, 2))
    with pytest.raises(MessageSizeTooLargeError):
        await send(producer, lane, numbered(2, 1, size=50_000))

    with pytest.raises(OutOfOrderSequenceNumber) as refused:
        await send(producer, lane, numbered(3, 1))
    with pytest.raises(OutOfOrderSequenceNumber):
        await send(producer, lane, numbered(3, 1))

    assert judge(refused.value) is Failure.UNKNOWN
    assert await values(broker, lane, 2) == [0, 1]


@pytest.mark.fault(17)
async def test_the_relays_publisher_goes_on_with_a_new_producer_and_skips_nothing(broker: str, lane: Lane) -> None:
    publisher = KafkaPublisher(lambda: make_producer(broker, client_id="test"))
    assert await publisher.publish(lane, numbered(0, 2)) == 1
    with pytest.raises(MessageSizeTooLargeError) as refused:
        await publisher.publish(lane, numbered(2, 1, size=50_000))

    offset = await publisher.publish(lane, numbered(2, 2))
    await publisher.discard()

    assert (judge(refused.value), offset) == (Failure.REFUSED, 3)
    assert await values(broker, lane, 4) == [0, 1, 2, 3]


@pytest.mark.fault(15)
async def test_no_sequence_keeps_an_old_producer_from_repeating_what_a_new_one_has_sent(
    broker: str, producer: AIOKafkaProducer, lane: Lane
) -> None:
    """Idempotence ends with the producer: between producers the readers' version rule alone drops what comes twice."""
    publisher = KafkaPublisher(lambda: make_producer(broker, client_id="test"))
    await send(producer, lane, numbered(0, 1))

    await publisher.publish(lane, numbered(0, 2))
    await send(producer, lane, numbered(1, 1))
    await publisher.discard()

    assert await values(broker, lane, 4) == [0, 0, 1, 1]
