"""What a URL says reaches the driver, and what a session is opened with holds in it."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.app import PACKAGE
from shared.db import Database, StoreLimits, is_outage, opened
from shared.migrations import is_current, migrate
from tests.support.eventually import eventually
from tests.support.postgres import ControlledPostgres
from tests.support.proxy import Effect, proxied

pytestmark = pytest.mark.postgres


async def shown(url: str, *names: str) -> list[Any]:
    async def work(connection: AsyncConnection) -> list[Any]:
        return [await connection.scalar(text(f"SHOW {name}")) for name in names]

    async with opened(Database(url)) as database:
        return await database.read(work)


async def test_what_the_url_says_of_a_session_holds_in_it(server: ControlledPostgres) -> None:
    assert await shown(f"{server.url()}?application_name=somebody&sslmode=disable", "application_name") == ["somebody"]


async def test_a_server_without_tls_is_no_server_where_tls_is_required(server: ControlledPostgres) -> None:
    with pytest.raises(OSError, match="SSL"):
        await shown(f"{server.url()}?sslmode=require", "ssl")


async def test_of_several_hosts_the_one_that_takes_writes_is_found(server: ControlledPostgres) -> None:
    url = f"postgresql://postgres@/postgres?host=127.0.0.1,127.0.0.1&port=1,{server.port}&target_session_attrs=read-write"

    assert await shown(url, "port") == [str(server.port)]


async def test_every_wait_of_a_session_has_its_limit(server: ControlledPostgres) -> None:
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "client_connection_check_interval")

    assert await shown(server.url(), *names) == ["10s", "1min", "1min", "20s"]


async def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time(server: ControlledPostgres) -> None:
    async with proxied(("127.0.0.1", server.port)) as proxy:
        proxy.half_open()
        async with opened(Database(server.url(port=proxy.port), limits=StoreLimits(connect=0.2))) as database:
            with pytest.raises(TimeoutError) as failed:
                await database.read(lambda connection: connection.scalar(text("SELECT 1")))

            assert (is_outage(failed.value), proxy.took[Effect.HALF_OPENED] > 0) == (True, True)
            proxy.restore()
            assert await eventually(lambda: database.read(lambda connection: connection.scalar(text("SELECT 1")))) == 1


async def test_a_connection_that_is_cut_while_it_rests_costs_nobody_anything(server: ControlledPostgres) -> None:
    async with proxied(("127.0.0.1", server.port)) as proxy, opened(Database(server.url(port=proxy.port))) as database:
        first = await database.read(lambda connection: connection.scalar(text("SELECT pg_backend_pid()")))
        assert proxy.cut() == 1
        second = await database.read(lambda connection: connection.scalar(text("SELECT pg_backend_pid()")))

    assert first != second


async def test_of_two_that_migrate_at_once_one_does_and_the_other_finds_it_done(postgres_database: str) -> None:
    await asyncio.gather(*(migrate(postgres_database, PACKAGE) for _ in range(2)))

    async with opened(Database(postgres_database)) as database:
        assert await database.read(lambda connection: is_current(connection, PACKAGE))
