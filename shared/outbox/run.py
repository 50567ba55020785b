"""A relay to Kafka, from its parts."""

import asyncio
import os
import socket
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from uuid import uuid4

from shared.clock import Clock
from shared.kafka import make_producer
from shared.outbox.metrics import RelayMetrics
from shared.outbox.publisher import KafkaPublisher
from shared.outbox.relay import DRAIN, Relay
from shared.outbox.sql import SqlRelayStore
from shared.outbox.table import CHANNEL, LANES_CHANNEL, Lane, Outbox
from shared.outbox.wakeup import listen
from shared.settings import CommonSettings
from shared.tasks import running
from shared.topic_guard import TopicGuard


async def relay_to_kafka(
    stop: asyncio.Event,
    *,
    settings: CommonSettings,
    client_id: str,
    store: SqlRelayStore,
    outbox: Outbox,
    topics: tuple[str, ...],
    guard: TopicGuard,
    clock: Clock,
    metrics: RelayMetrics,
    wake: asyncio.Event,
    listen_to: str | None,
) -> None:
    """Relays until told to stop. Publishes nothing before the topics are as they should be: keys would land elsewhere.

    `listen_to` is the database in which other processes commit what has to be published; None if there are no others.
    """
    bootstrap, lanes_freed = settings.kafka_bootstrap_servers, asyncio.Event()
    await guard.ensure()
    await store.ensure(Lane(topic, partition) for topic in topics for partition in range(settings.topics.partitions))
    relay = Relay(
        owner=_name(),
        store=store,
        publisher=KafkaPublisher(partial(make_producer, bootstrap, client_id=client_id), stop_within=DRAIN.total_seconds() / 2),
        read=outbox.records,
        clock=clock,
        metrics=metrics,
        wake=wake,
        lanes_freed=lanes_freed,
    )
    async with _listening(listen_to, {CHANNEL: wake, LANES_CHANNEL: lanes_freed}):
        await relay.run(stop)


def _name() -> str:
    """Of this run of this process: one that starts again is somebody else."""
    return f"{socket.gethostname()[:100]}-{os.getpid()}-{uuid4().hex[:12]}"


def _listening(url: str | None, channels: dict[str, asyncio.Event]) -> AbstractAsyncContextManager[None]:
    if url is None:
        return nullcontext()
    return running("listener", partial(listen, url=url, channels=channels))
