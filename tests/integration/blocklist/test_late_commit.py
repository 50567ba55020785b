"""A writer that commits late leaves a row with an id below those that were published before: it is published all the same."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.outbox import RELAY_TABLES
from shared.db import Database
from shared.outbox.table import Row
from tests.support.blocklist import migrated
from tests.support.builders import NOON
from tests.support.relay_cases import FIRST, Case, sql_case

pytestmark = pytest.mark.postgres


@pytest.fixture
async def database(postgres_database: str) -> AsyncIterator[Database]:
    async with migrated(postgres_database) as opened:
        yield opened


async def published(case: Case) -> list[bytes]:
    """What one turn of a relay takes of the lane, and marks."""
    hold = (await case.held())[FIRST]
    batch = await case.batch(hold)
    assert await case.mark(batch)
    await case.store.give_up("relay-a", [hold])
    return [row.body for row in batch.rows]


def row(body: bytes) -> Row:
    return Row(FIRST, "many", 1, body)


@pytest.mark.fault(9)
@pytest.mark.fault(10)
async def test_what_is_committed_late_is_published_and_holds_nobody_up(database: Database) -> None:
    case = sql_case(database)
    appended, may_commit = asyncio.Event(), asyncio.Event()

    async def slowly(connection: AsyncConnection) -> None:
        await RELAY_TABLES.outbox.append(connection, [row(b"late")], NOON)
        appended.set()
        await may_commit.wait()

    await case.append([row(b"first")])
    await case.store.ensure([FIRST])
    writing = asyncio.create_task(database.write(slowly))
    await appended.wait()
    await case.append([row(b"later, committed sooner")])

    assert await published(case) == [b"first", b"later, committed sooner"]
    may_commit.set()
    await writing
    assert await published(case) == [b"late"]
    assert [number for number, _, _ in await case.rows(FIRST)] == [1, 3, 2]
