"""A relay between a real outbox and a broker that fails as told."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from services.blocklist.domain.causes import Cause
from services.blocklist.handlers.release import Release, release
from services.blocklist.handlers.submit import submit
from services.blocklist.outbox import OUTBOX, RELAY_TABLES
from shared.backoff import Backoff
from shared.clock import Clock
from shared.db import Database
from shared.events import Record
from shared.events.wire import position_of
from shared.outbox.metrics import RelayMetrics
from shared.outbox.relay import Relay
from shared.outbox.sql import Permission, SqlRelayStore, always
from shared.outbox.table import Lane
from shared.topics import Topics
from tests.support.blocklist import TOPICS, make_commands, queued
from tests.support.builders import IN, directive_id, make_order, target
from tests.support.fakes import (
    FakeClock,
    FakePublisher,
)

ONE_LANE = Topics(prefix="test", partitions=1)
LANE = Lane(ONE_LANE.withholdings, 0)


def make_relay(
    database: Database,
    publisher: FakePublisher,
    clock: Clock | None = None,
    may_publish: Permission = always,
    *,
    owner: str = "relay",
    registry: CollectorRegistry | None = None,
    checkpoints: str | None = None,
) -> Relay:
    return Relay(
        owner=owner,
        store=SqlRelayStore(database, RELAY_TABLES, ONE_LANE, alone=True, may_publish=may_publish, checkpoints=checkpoints),
        publisher=publisher,
        read=OUTBOX.records,
        clock=clock or FakeClock(),
        metrics=RelayMetrics(registry or CollectorRegistry()),
        wake=asyncio.Event(),
        backoff=Backoff(base=timedelta(milliseconds=1), cap=timedelta(milliseconds=1)),
    )


async def started(database: Database, publisher: FakePublisher, **options: Any) -> Relay:
    """A relay that holds every lane in which something waits."""
    relay = make_relay(database, publisher, **options)
    await relay._store.ensure([])
    await relay.beat()
    return relay


async def running(database: Database, publisher: FakePublisher, stop: asyncio.Event, **options: Any) -> asyncio.Task[None]:
    relay = make_relay(database, publisher, **options)
    await relay._store.ensure([LANE, Lane(ONE_LANE.directives, 0)])
    return asyncio.create_task(relay.run(stop))


async def block(database: Database, number: int = 1, targets: int = 10, *, topics: Topics = TOPICS) -> None:
    """A directive complied with at intake: a withholding of each target, and two case events."""
    order = make_order(number, *(target(f"a{index}") for index in range(targets)), comply_at_intake=True)
    await make_commands(database, FakeClock(), topics=topics).run(lambda unit: submit(unit, order))


async def lift(database: Database, number: int = 1, *, topics: Topics = TOPICS) -> None:
    command = Release(cause=Cause.ERROR, directive=directive_id(number), selection="all", scope=(IN,), memo=None, approvers=())
    await make_commands(database, FakeClock(), topics=topics).run(lambda unit: release(unit, command))


async def waiting(database: Database) -> list[Record]:
    return await database.read(queued)


async def drain(relay: Relay) -> None:
    while await relay.turn():
        pass


async def publish_all(database: Database, publisher: FakePublisher, **options: Any) -> None:
    await drain(await started(database, publisher, **options))


def unplaced(records: Iterable[Record]) -> list[Record]:
    """The events without their positions, as the outbox has them."""
    return [record._replace(headers=record.headers[:-2]) for record in records]


def ids(records: Sequence[Record]) -> set[bytes]:
    return {dict(record.headers)["ce_id"] for record in records}


def sequences(records: Iterable[Record]) -> list[int]:
    return [position.sequence for record in records if (position := position_of(record.headers))]


def first_occurrences(publisher: FakePublisher) -> dict[bytes, list[int]]:
    """Per key, the versions or revisions that a reader who drops what it has seen gets to see."""
    seen: dict[bytes, list[int]] = defaultdict(list)
    for record in publisher.records():
        number = int(dict(record.headers)["ce_id"].rpartition(b"@")[2])
        if number not in seen[record.key]:
            seen[record.key].append(number)
    return seen


def in_order(publisher: FakePublisher) -> bool:
    """Whether each key's events first came in the order of their versions, each lane's in that of their numbers, none missing."""
    keys = all(numbers == list(range(1, len(numbers) + 1)) for numbers in first_occurrences(publisher).values())
    lanes = (list(dict.fromkeys(sequences(records))) for records in publisher.topics.values())
    return keys and all(numbers == list(range(1, len(numbers) + 1)) for numbers in lanes)
