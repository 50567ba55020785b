"""What tests do with the broker that the suite runs: write records, and read all that a topic has."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

Headers = list[tuple[str, bytes]]
Record = tuple[str, bytes | None, Headers]
"""Key, value (None is a tombstone) and headers."""


async def produce(bootstrap: str, topic: str, records: list[Record]) -> None:
    """Writes the records in this order with an idempotent producer; all are acknowledged when it returns."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        for key, value, headers in records:
            await producer.send_and_wait(topic, value, key=key.encode(), headers=headers)


async def read_topic(bootstrap: str, topic: str, *, until: Callable[[list[Any]], bool], within: float = 10.0) -> list[Any]:
    """All records of a topic from its beginning, read without a group until `until` holds of them.

    Raises AssertionError with what was read when that takes too long.
    """
    deadline = time.monotonic() + within
    records: list[Any] = []
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        while not until(records):
            assert time.monotonic() < deadline, f"{topic}: {len(records)} records after {within:g} s: {records}"
            await _assign_all(consumer, topic)
            batches: Mapping[TopicPartition, list[Any]] = await consumer.getmany(timeout_ms=100)
            records.extend(record for batch in batches.values() for record in batch)
    return records


async def _assign_all(consumer: AIOKafkaConsumer, topic: str) -> None:
    """Assigns what partitions the topic has, once it has any; keeps the positions of those assigned before."""
    if consumer.assignment():
        return
    await consumer._client.force_metadata_update()  # the public way waits five minutes for a topic made just now
    consumer.assign([TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()])
