"""A relay to Kafka, from its parts."""

import asyncio

from shared.clock import Clock
from shared.db import Database
from shared.kafka import ensure_topics, make_producer
from shared.outbox.metrics import RelayMetrics
from shared.outbox.publisher import KafkaPublisher
from shared.outbox.relay import Permission, Relay, always
from shared.outbox.table import Outbox
from shared.settings import CommonSettings


async def relay_to_kafka(
    stop: asyncio.Event,
    *,
    settings: CommonSettings,
    client_id: str,
    database: Database,
    outbox: Outbox,
    clock: Clock,
    metrics: RelayMetrics,
    wake: asyncio.Event,
    may_publish: Permission = always,
) -> None:
    """Relays until told to stop. Publishes nothing before the topics are as they should be: keys would land elsewhere."""
    bootstrap = settings.kafka_bootstrap_servers
    await ensure_topics(bootstrap, settings.topics.specs())
    publisher = KafkaPublisher(lambda: make_producer(bootstrap, client_id=client_id))
    relay = Relay(
        database=database,
        outbox=outbox,
        publisher=publisher,
        clock=clock,
        metrics=metrics,
        wake=wake,
        may_publish=may_publish,
    )
    await relay.run(stop)
