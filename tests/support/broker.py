"""What tests do with the broker that the suite runs: start one, write records, and read all that a topic has."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tools.apache import ApacheKafka
from tools.broker import Broker

ON_APACHE = os.environ.get("GEOWITHHOLD_TEST_BROKER", "wheel") == "apache"
"""Whether this run of the suite is on Apache Kafka (`make test-kafka`), or on the broker of the wheel."""

Headers = list[tuple[str, bytes]]
Record = tuple[str, bytes | None, Headers]
"""Key, value (None is a tombstone) and headers."""


def make_test_broker(data_dir: Path) -> Broker:
    """A broker of the kind that this run of the suite is on, not started."""
    return ApacheKafka(data_dir, properties=MAKES_TOPICS) if ON_APACHE else Broker(data_dir)


MAKES_TOPICS = {"auto.create.topics.enable": "true"}
"""Tests that are not about topics write to any name, as they can with the broker of the wheel."""


@contextmanager
def running_test_broker(data_dir: Path) -> Iterator[Broker]:
    """Such a broker, running inside the `with` block and stopped after it."""
    broker = make_test_broker(data_dir)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


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
