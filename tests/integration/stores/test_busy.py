"""A database in which nothing is free: whoever waits is told so in time, and those who ask how it is get an answer."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

import shared.engines
import shared.sqlite
from services.blocklist.app import create_api
from shared.db import Database, StoreLimits, is_outage, opened, sqlite_file
from tests.support.blocklist import all_rows, client_of, delete_all, expect, make_settings, migrated
from tests.support.builders import order_json
from tests.support.postgres import ControlledPostgres

FEW = 3


@asynccontextmanager
async def locked(url: str, table: str) -> AsyncIterator[Any]:
    """Somebody else holds the whole table."""
    other = await asyncpg.connect(url)
    try:
        async with other.transaction():
            await other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield other
    finally:
        await other.close()


async def submit(client: httpx2.AsyncClient, name: str) -> httpx2.Response:
    return await client.post("/v1/directives", json=order_json(f"@{name}", reference=name))


@pytest.mark.postgres
@pytest.mark.fault(34)
async def test_when_every_connection_is_taken_others_are_refused_at_once_and_probes_answered(
    server: ControlledPostgres, database: Database
) -> None:
    await database.write(delete_all)
    few = {"GEOWITHHOLD_DATABASE_CONNECTIONS": FEW, "GEOWITHHOLD_DATABASE_WAIT_MS": 100}
    async with client_of(create_api(make_settings(server.url(), **few))) as client:
        async with locked(server.url(), "directives"):
            waiting = [asyncio.create_task(submit(client, f"stuck_{number}")) for number in range(FEW + 2)]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            refused = await submit(client, "late")
            live, ready, metrics = [await client.get(path) for path in ("/livez", "/readyz", "/metrics")]
            still = [task for task in waiting if not task.done()]
        answers = await asyncio.gather(*waiting)
        after = await submit(client, "after")

    assert expect(refused, 503)["type"] == "urn:geowithhold:problem:unavailable"
    assert refused.headers["retry-after"] == "1"
    assert (live.status_code, ready.status_code) == (200, 200)
    assert metrics.status_code in {200, 503}
    assert still, "nobody waited for the lock any more when the others were refused"
    assert {answer.status_code for answer in answers} == {201, 503}
    assert after.status_code == 201


@pytest.mark.postgres
@pytest.mark.fault(10)
async def test_a_writer_that_idles_in_its_transaction_is_ended_and_those_behind_it_go_on(server: ControlledPostgres) -> None:
    limits = StoreLimits(idle=0.3)
    async with opened(Database(server.url(), limits=limits)) as database:
        await database.write(lambda connection: connection.execute(text("CREATE TABLE kept (id int PRIMARY KEY)")))
        has_locked, may_go_on = asyncio.Event(), asyncio.Event()

        async def idle(connection: AsyncConnection) -> None:
            await connection.execute(text("INSERT INTO kept VALUES (1)"))
            has_locked.set()
            await may_go_on.wait()
            await connection.execute(text("INSERT INTO kept VALUES (2)"))

        idling = asyncio.create_task(database.write(idle))
        await has_locked.wait()
        await database.write(lambda connection: connection.execute(text("INSERT INTO kept VALUES (1)")))
        may_go_on.set()
        with pytest.raises(DBAPIError) as failed:
            await idling
        found = list(await database.read(lambda connection: connection.scalars(text("SELECT id FROM kept"))))

    assert is_outage(failed.value)
    assert found == [1]


@pytest.mark.postgres
@pytest.mark.fault(8)
async def test_a_row_that_stays_locked_is_given_up_in_time(server: ControlledPostgres, database: Database) -> None:
    patience = {"GEOWITHHOLD_DATABASE_LOCK_SECONDS": 0.2}
    async with client_of(create_api(make_settings(server.url(), **patience))) as client:
        async with locked(server.url(), "items"):
            refused = await submit(client, "given_up")
        accepted = await submit(client, "given_up")

    assert expect(refused, 503)["type"] == "urn:geowithhold:problem:unavailable"
    assert accepted.status_code == 201


@pytest.mark.postgres
async def test_a_statement_that_takes_too_long_is_given_up(server: ControlledPostgres) -> None:
    async with opened(Database(server.url(), limits=StoreLimits(statement=0.2, report=30))) as database:
        asleep = text("SELECT pg_sleep(1)")
        with pytest.raises(DBAPIError) as failed:
            await database.read(lambda connection: connection.execute(asleep))
        await database.report(lambda connection: connection.execute(asleep))

    assert is_outage(failed.value)


async def test_nobody_reads_without_end(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.engines, "ANSWER", 0.0)

    async def never(connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT 1"))
        await asyncio.Event().wait()

    async with opened(Database(database_url, limits=StoreLimits(statement=0.1, connections=1))) as database:
        with pytest.raises(TimeoutError):
            await database.read(never)

        assert await database.read(lambda connection: connection.scalar(text("SELECT 7"))) == 7


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    "held", ["BEGIN IMMEDIATE", "BEGIN; SELECT count(*) FROM directives"], ids=["by a writer", "by a reader"]
)
async def test_a_sqlite_file_that_another_holds_is_503_until_it_lets_go(sqlite_database: str, held: str) -> None:
    patience = {"GEOWITHHOLD_DATABASE_LOCK_SECONDS": 0.2}
    async with (
        migrated(sqlite_database) as database,
        client_of(create_api(make_settings(sqlite_database, **patience))) as client,
    ):
        with closing(sqlite3.connect(_file(sqlite_database), isolation_level=None)) as other:
            cursors = [other.execute(statement) for statement in held.split("; ")]
            refused = await submit(client, "a")
            cursors.clear()
        meanwhile = await database.read(all_rows)
        accepted = await submit(client, "a")
        after = await database.read(all_rows)

    assert expect(refused, 503)["type"] == "urn:geowithhold:problem:unavailable"
    assert (refused.headers["retry-after"], meanwhile["directives"], meanwhile["outbox"]) == ("1", [], [])
    assert (accepted.status_code, len(after["directives"])) == (201, 1)


@pytest.mark.fault(37)
async def test_a_write_ahead_log_that_a_reader_has_held_up_is_cut_back(
    sqlite_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", shared.sqlite.WAL_RESET_FIXED)
    monkeypatch.setattr(shared.sqlite, "LOG_AT_MOST", 100_000)
    log = _file(sqlite_database).with_name("test.sqlite3-wal")

    async with opened(Database(sqlite_database)) as database:
        await database.write(lambda connection: connection.execute(text("CREATE TABLE kept (body TEXT)")))
        with closing(sqlite3.connect(_file(sqlite_database), isolation_level=None)) as reader:
            cursors: list[Any] = [reader.execute("BEGIN"), reader.execute("SELECT * FROM kept")]
            for _ in range(60):
                await database.write(_hundred_kilobytes)
            held_up = log.stat().st_size
            cursors.clear()
        for _ in range(3):
            await database.write(_hundred_kilobytes)
        kept = await database.read(lambda connection: connection.scalar(text("SELECT count(*) FROM kept")))

        assert held_up > 4_000_000
        assert log.stat().st_size < held_up / 4
        assert kept == 63


async def _hundred_kilobytes(connection: AsyncConnection) -> None:
    await connection.execute(text("INSERT INTO kept VALUES (:body)"), {"body": "x" * 100_000})


def _file(url: str) -> Path:
    file = sqlite_file(url)
    assert file is not None
    return file
