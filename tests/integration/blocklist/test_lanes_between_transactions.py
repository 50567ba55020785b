"""The relay's statements against those of another transaction, in an order that is fixed; and how lanes are told to stand."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist import outbox as queue
from services.blocklist.outbox import OUTBOX, RELAY_TABLES
from services.blocklist.tables import outbox, relay_lanes, relay_members
from shared.db import Database
from shared.ids import Key
from shared.outbox.metrics import BacklogMetrics
from shared.outbox.port import Batch, Hold, Progress
from shared.outbox.sql import SqlRelayStore, lanes, leases
from shared.outbox.sql.tables import database_now
from shared.outbox.table import Lane
from tests.support.blocklist import Api, make_settings, migrated, running_api
from tests.support.builders import IN, NOON, directive_id, make_withholding, target
from tests.support.eventually import eventually
from tests.support.fakes import FakeClock
from tests.support.relay import LANE, ONE_LANE

pytestmark = pytest.mark.postgres

A, B = "relay-a", "relay-b"


@pytest.fixture
async def database(postgres_database: str) -> AsyncIterator[Database]:
    async with migrated(postgres_database) as opened:
        await store(opened).ensure([LANE])
        yield opened


def store(database: Database) -> SqlRelayStore:
    return SqlRelayStore(database, RELAY_TABLES, ONE_LANE)


async def queued(connection: AsyncConnection, *names: str) -> None:
    versions = [make_withholding(Key(IN, target(name)), directive_id(1)) for name in names]
    await queue.append_withholdings(connection, ONE_LANE, versions, NOON)


async def held(database: Database, owner: str = A) -> Hold:
    (hold,) = await store(database).claim(owner, 1)
    return hold


async def taken(database: Database, hold: Hold, owner: str = A) -> Batch:
    (batch,) = await store(database).take(owner, [hold], 8)
    return batch


def keys(batch: Batch) -> list[str]:
    return [record.key.decode() for row in batch.rows for record in OUTBOX.records(row.form, row.body)]


def numbers(batch: Batch) -> list[int]:
    return [row.sequence for row in batch.rows]


async def expire(database: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(update(relay_lanes).values(lease_until=database_now(connection, timedelta(seconds=-1))))

    await database.write(work)


async def mark(database: Database, batch: Batch, owner: str = A) -> bool:
    until = Progress(batch.rows[-1].sequence + batch.rows[-1].events - 1)
    return await store(database).mark(owner, batch, until, offset=0, at=NOON)


@pytest.mark.fault(9)
async def test_a_low_id_that_commits_after_higher_ones_were_numbered_gets_a_later_number(database: Database) -> None:
    hold = await held(database)
    async with database._engines.writer.connect() as slow:
        await queued(slow, "slow")
        await database.write(lambda connection: queued(connection, "fast"))
        first = await taken(database, hold)
        await slow.commit()

    again = await taken(database, hold)
    await mark(database, again)
    after = await taken(database, hold)

    assert (keys(first), numbers(first)) == (["IN/account:fast"], [1])
    assert again == first
    assert (keys(after), numbers(after)) == (["IN/account:slow"], [2])
    assert after.rows[0].id < first.rows[0].id


@pytest.mark.fault(9)
@pytest.mark.fault(10)
async def test_a_writer_that_stays_idle_in_its_transaction_holds_nobody_up(database: Database) -> None:
    hold = await held(database)
    async with database._engines.writer.connect() as idle:
        await queued(idle, "idle")
        for number in range(1, 4):
            await database.write(lambda connection, number=number: queued(connection, f"b{number}"))  # type: ignore[misc]
            batch = await taken(database, hold)
            assert (keys(batch), numbers(batch)) == ([f"IN/account:b{number}"], [number])
            assert await mark(database, batch)
        await idle.rollback()

    assert await store(database).take(A, [hold], 8) == []


async def test_who_numbers_while_another_does_waits_and_finds_the_same_numbers(database: Database) -> None:
    """As after a connection that broke: the server still carries out what its client has given up, and asks for anew."""
    await database.write(lambda connection: queued(connection, "a", "b"))
    hold = await held(database)
    async with database._engines.writer.connect() as lost:
        (first,) = await lanes.take(lost, RELAY_TABLES, A, [hold], 8)
        second = asyncio.create_task(taken(database, hold))
        await eventually(lambda: waits_for_a_lock(database))
        assert not second.done()
        await lost.commit()

    assert await second == first
    assert numbers(first) == [1]
    assigned = await database.read(lambda connection: connection.scalar(select(relay_lanes.c.assigned)))
    assert assigned == 2


async def waits_for_a_lock(database: Database) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return bool(await database.read(lambda connection: connection.scalar(text(waiting))))


@pytest.mark.fault(12)
async def test_a_lane_that_is_taken_while_its_holder_numbers_is_taken_with_those_numbers(database: Database) -> None:
    await database.write(lambda connection: queued(connection, "a"))
    hold = await held(database)
    await expire(database)
    async with database._engines.writer.connect() as slow:
        (first,) = await lanes.take(slow, RELAY_TABLES, A, [hold], 8)
        assert await store(database).claim(B, 1) == []  # it is locked: nobody waits for it
        await slow.commit()
    other = await held(database, B)

    second = await taken(database, other, B)

    assert second.rows == first.rows
    assert await store(database).take(A, [hold], 8) == []
    assert not await mark(database, first)
    assert await mark(database, second, B)


@pytest.mark.fault(12)
@pytest.mark.fault(13)
async def test_a_mark_that_waited_for_a_thief_is_refused_by_the_epoch(database: Database) -> None:
    await database.write(lambda connection: queued(connection, "a"))
    batch = await taken(database, await held(database))
    await expire(database)
    async with database._engines.writer.connect() as thief:
        assert await leases.claim(thief, RELAY_TABLES, B, 1, alone=False) == [Hold(LANE, 2)]
        marking = asyncio.create_task(mark(database, batch))
        await eventually(lambda: waits_for_a_lock(database))
        await thief.commit()

    assert not await marking
    assert await database.read(lambda connection: connection.scalar(select(outbox.c.published_at))) is None


@pytest.mark.parametrize("end", ["give_up", "leave"])
async def test_who_gives_up_lanes_locks_them_in_the_order_in_which_everybody_does(database: Database, end: str) -> None:
    """The table has the first lane last: its row is moved by each update."""
    first, second = Lane(LANE.topic, 0), Lane(LANE.topic, 1)
    made = store(database)
    await made.ensure([first, second])
    holds = [*await made.claim(A, 1), *await made.claim(A, 1)]
    await made.halt(A, holds[0], reason="moved", at=NOON)
    async with database._engines.writer.connect() as other, database._engines.writer.connect() as third:
        await other.execute(select(relay_lanes.c.topic).where(RELAY_TABLES.of(first)).with_for_update())
        ending = asyncio.create_task(made.give_up(A, holds) if end == "give_up" else made.leave(A))
        await eventually(lambda: waits_for_a_lock(database))
        free = select(relay_lanes.c.partition).where(RELAY_TABLES.of(second)).with_for_update(skip_locked=True)
        left = (await third.execute(free)).scalars().all()
        await third.rollback()
        await other.rollback()
    await ending

    assert [hold.lane for hold in holds] == [first, second]
    assert left == [1]


async def test_who_comes_back_waits_for_no_other_that_comes_back_as_well(database: Database) -> None:
    """As after an outage: each counts as gone for the other, and each holds its own row."""
    for owner in (A, B):
        await store(database).beat(owner)

    async def away(connection: AsyncConnection) -> None:
        await connection.execute(update(relay_members).values(seen_at=database_now(connection, timedelta(minutes=-1))))

    await database.write(away)
    async with database._engines.writer.connect() as other:
        await other.execute(update(relay_members).where(relay_members.c.owner == B).values(seen_at=database_now(other)))
        await asyncio.wait_for(store(database).beat(A), 5)
        await other.commit()

    assert (await store(database).beat(A)).members == 2


@pytest.mark.fault(12)
async def test_of_two_that_claim_an_expired_lane_one_gets_it(database: Database) -> None:
    await held(database)
    await expire(database)

    claims = await asyncio.gather(*(store(database).claim(owner, 1) for owner in ("b", "c", "d", "e")))

    assert sorted(map(len, claims)) == [0, 0, 0, 1]


@pytest.mark.fault(38)
async def test_leases_do_not_ask_the_clock_of_any_process(database: Database) -> None:
    """No argument of the store's leases is a time: what a process believes of it cannot matter."""
    hold = await held(database)
    for years in (-100, 100):
        clock = FakeClock(NOON + timedelta(days=365 * years))
        await store(database).checkpoint(A, clock())
        await store(database).beat(A)
        assert await store(database).claim(B, 1) == []

    assert (await store(database).beat(A)).held == (hold,)


async def test_a_halted_lane_is_told_by_metrics_and_readiness(postgres_database: str) -> None:
    async with running_api(postgres_database) as api:
        lane = Lane(make_settings(postgres_database).topics.withholdings, 3)
        made = SqlRelayStore(api.database, RELAY_TABLES, make_settings(postgres_database).topics)
        await made.ensure([lane])
        (hold,) = await made.claim(A, 1)
        calm = await halted_lanes(api)

        await made.halt(A, hold, reason="MessageSizeTooLargeError()", at=NOON)

        assert (calm, await halted_lanes(api)) == (0.0, 1.0)
        ready = (await api.client.get("/readyz")).json()
        assert ready["ready"]
        assert ready["halted_lanes"] == {"test.withholdings.v1/3": "MessageSizeTooLargeError()"}
        assert "the broker refuses what comes next in test.withholdings.v1/3" in ready["degraded"]


async def halted_lanes(api: Api) -> float:
    lines = (await api.client.get("/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("geowithhold_relay_halted_lanes"))


async def test_the_age_of_the_oldest_checkpoint_is_told(database: Database) -> None:
    registry = CollectorRegistry()
    metrics = BacklogMetrics(registry, database, RELAY_TABLES, lambda: NOON)
    await metrics.refresh()
    young = registry.get_sample_value("geowithhold_relay_checkpoint_age_seconds")

    async def work(connection: AsyncConnection) -> None:
        five_minutes_ago = database_now(connection, timedelta(minutes=-5))
        await connection.execute(update(relay_lanes).values(checkpointed_at=five_minutes_ago))

    await database.write(work)

    await metrics.refresh()

    age = registry.get_sample_value("geowithhold_relay_checkpoint_age_seconds") or 0
    assert young == 0
    assert 300 <= age < 360
