"""What was published is kept until its reader has passed it, and as long as the settings say."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.outbox import RELAY_TABLES
from services.blocklist.store.idempotency import Attempt, claim
from services.blocklist.tables import idempotency, outbox
from shared.db import Database
from shared.kafka import ensure_topics, make_consumer, stop_quietly
from shared.outbox import purge as purge_module
from shared.outbox.purge import LOCK, Aged, Policy, Purge, PurgeMetrics
from shared.outbox.readers import group_offsets
from shared.outbox.table import Lane
from shared.topics import Topics
from tests.support.blocklist import NOBODY_LISTENS, migrated
from tests.support.builders import NOON
from tests.support.eventually import eventually
from tests.support.fakes import FakeClock, FakePublisher
from tests.support.relay import LANE, ONE_LANE, block, lift, publish_all

POLICY = Policy(keep=timedelta(days=7), at_most=timedelta(days=30))
DIRECTIVES = Lane(ONE_LANE.directives, 0)


@pytest.fixture
async def database(database_url: str) -> Any:
    async with migrated(database_url) as opened:
        yield opened


def purge(
    database: Database, clock: FakeClock, passed: Mapping[Lane, int] | None = None, registry: CollectorRegistry | None = None
) -> Purge:
    async def asked() -> Mapping[Lane, int]:
        return passed or {}

    return Purge(
        database=database,
        tables=RELAY_TABLES,
        policy=POLICY,
        passed=None if passed is None else asked,
        clock=clock,
        metrics=PurgeMetrics(registry or CollectorRegistry()),
        also=[Aged(idempotency.c.key, idempotency.c.created_at, timedelta(days=2))],
    )


async def published(database: Database, turns: int = 3) -> None:
    """Two rows of withholdings and some of directives a turn: each turn ends at the next offset."""
    publisher = FakePublisher()
    for number in range(1, turns + 1):
        await block(database, number, topics=ONE_LANE)
        await publish_all(database, publisher)
        await lift(database, number, topics=ONE_LANE)
        await publish_all(database, publisher)


async def kept(database: Database, lane: Lane = LANE) -> list[int | None]:
    here = (outbox.c.topic == lane.topic, outbox.c.partition == lane.partition)
    return list(await database.read(lambda c: c.scalars(select(outbox.c.sequence).where(*here).order_by(outbox.c.id))))


async def offsets(database: Database) -> list[int]:
    here = (outbox.c.topic == LANE.topic, outbox.c.partition == LANE.partition)
    found = await database.read(lambda c: c.scalars(select(outbox.c.kafka_offset).where(*here).order_by(outbox.c.id)))
    return [offset for offset in found if offset is not None]


def days(count: float) -> FakeClock:
    return FakeClock(NOON + timedelta(days=count))


async def test_what_is_young_or_not_passed_is_kept(database: Database) -> None:
    await published(database)
    before = await kept(database)

    assert await purge(database, days(6), {LANE: 10**6, DIRECTIVES: 10**6}).run_once() == 0
    assert await purge(database, days(29), {}).run_once() == 0
    assert await purge(database, days(29), {LANE: 0}).run_once() == 0
    assert await kept(database) == before


async def test_what_is_old_and_passed_is_deleted_the_oldest_first(database: Database) -> None:
    await published(database)
    before, ends = await kept(database), await offsets(database)
    registry = CollectorRegistry()

    deleted = await purge(database, days(8), {LANE: ends[2] + 1}, registry).run_once()

    assert (len(before), await kept(database), deleted) == (6, before[3:], 3)
    assert registry.get_sample_value("geowithhold_outbox_purged_total") == 30.0
    assert len(await kept(database, DIRECTIVES)) > 0


async def test_nothing_is_deleted_behind_a_row_that_is_kept(database: Database) -> None:
    await published(database)
    before = await kept(database)
    second = update(outbox).where(outbox.c.topic == LANE.topic, outbox.c.sequence == before[1]).values(kafka_offset=None)
    await database.write(lambda connection: connection.execute(second))

    await purge(database, days(8), {LANE: 10**6}).run_once()

    assert await kept(database) == before[1:]


async def test_after_the_limit_nobody_is_asked(database: Database) -> None:
    await published(database)

    await purge(database, days(31), {}).run_once()

    assert (await kept(database), await kept(database, DIRECTIVES)) == ([], [])


async def test_where_no_reader_is_asked_time_alone_counts(database: Database) -> None:
    await published(database)

    assert await purge(database, days(6), None).run_once() == 0
    assert await purge(database, days(8), None).run_once() > 6
    assert await kept(database) == []


async def test_what_waits_is_never_deleted(database: Database) -> None:
    await published(database, 1)
    await block(database, 2, topics=ONE_LANE)

    await purge(database, days(1000), {}).run_once()

    assert await kept(database) == [None]


async def test_what_was_published_before_there_were_numbers_goes_after_the_limit(database: Database) -> None:
    await block(database, topics=ONE_LANE)
    marked = update(outbox).values(published_at=NOON)
    await database.write(lambda connection: connection.execute(marked))
    clock = days(29)
    worker = purge(database, clock, {LANE: 10**6})

    assert await worker.run_once() == 0
    clock.advance(timedelta(days=2))
    assert [await worker.run_once() for _ in range(3)] == [3, 0, 0]


async def test_few_rows_are_deleted_at_a_time_and_all_in_the_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_module, "ROWS_AT_ONCE", 2)
    await published(database, 4)

    await purge(database, days(31), {}).run_once()

    assert await kept(database) == []


async def test_who_is_told_to_stop_deletes_no_more(database: Database) -> None:
    await published(database)
    stop = asyncio.Event()
    stop.set()

    assert await purge(database, days(31), {}).run_once(stop) == 0


async def test_idempotency_keys_are_kept_for_their_time(database: Database) -> None:
    for name, at in (("old", NOON), ("young", NOON + timedelta(days=1))):
        await database.write(lambda c, name=name, at=at: claim(c, Attempt(name, "f"), at))  # type: ignore[misc]

    await purge(database, days(2), {}).run_once()

    assert list(await database.read(lambda c: c.scalars(select(idempotency.c.key)))) == ["young"]


@pytest.mark.postgres
async def test_one_process_deletes_at_a_time(postgres_database: str) -> None:
    async with migrated(postgres_database) as database:
        await published(database)
        released = asyncio.Event()

        async def hold(connection: AsyncConnection) -> None:
            await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            held.set()
            await released.wait()

        held = asyncio.Event()
        other = asyncio.create_task(database.write(hold))
        await held.wait()

        assert await purge(database, days(31), {}).run_once() == 0
        released.set()
        await other
        assert await purge(database, days(31), {}).run_once() > 0


async def test_it_runs_from_time_to_time_and_survives_failures(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge_module, "EVERY", timedelta(milliseconds=5))
    await published(database)
    asked = 0

    async def fails_at_first() -> Mapping[Lane, int]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ConnectionError
        return {}

    registry, stop = CollectorRegistry(), asyncio.Event()
    worker = purge(database, days(31), {}, registry)
    worker._passed = fails_at_first
    working = asyncio.create_task(worker.run(stop))

    async def gone() -> bool:
        return not await kept(database)

    await eventually(gone)
    stop.set()
    await working

    assert registry.get_sample_value("geowithhold_outbox_purge_failures_total") == 1.0


async def test_a_broker_that_is_away_knows_nothing_of_a_group() -> None:
    assert await group_offsets(NOBODY_LISTENS, "group") == {}


@pytest.mark.broker
async def test_the_broker_knows_how_far_a_group_is(broker: str, topic_prefix: str) -> None:
    topics = Topics(prefix=topic_prefix, partitions=2)
    await ensure_topics(broker, topics.specs())
    assert await group_offsets(broker, topics.notifier_group) == {}
    consumer = make_consumer(broker, group=topics.notifier_group, client_id="test")
    consumer.subscribe([topics.withholdings])
    await consumer.start()
    try:
        places = await eventually(consumer.assignment)
        await consumer.commit({place: 7 + place.partition for place in places})
    finally:
        await stop_quietly(consumer)

    known = await group_offsets(broker, topics.notifier_group)

    assert known == {Lane(topics.withholdings, 0): 7, Lane(topics.withholdings, 1): 8}
