"""The PostgreSQL that tests stop, kill and freeze does what its verbs say."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from tests.support.postgres import ControlledPostgres, Stop, controlled_postgres

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[ControlledPostgres]:
    with controlled_postgres() as running:
        yield running


async def ask(server: ControlledPostgres, statement: str, *, within: float = 10.0) -> object:
    connection = await asyncpg.connect(server.url(), timeout=within)
    try:
        return await connection.fetchval(statement, timeout=within)
    finally:
        connection.terminate()


@pytest.mark.parametrize("how", Stop)
async def test_what_was_committed_survives_every_stop(server: ControlledPostgres, how: Stop) -> None:
    server.run(f"CREATE TABLE kept_{how.name} AS SELECT 7 AS number")

    server.stop(how)
    assert not server.running
    with pytest.raises(ConnectionRefusedError):
        await ask(server, "SELECT 1")
    server.start()

    assert await ask(server, f"TABLE kept_{how.name}") == 7


async def test_a_frozen_server_answers_nothing_until_it_thaws(server: ControlledPostgres) -> None:
    server.freeze()
    with pytest.raises(TimeoutError):
        await ask(server, "SELECT 1", within=0.2)
    server.thaw()

    assert await asyncio.wait_for(ask(server, "SELECT 1"), 10) == 1


async def test_settings_hold_for_one_start(server: ControlledPostgres) -> None:
    server.stop()
    server.start(fsync="off")
    assert await ask(server, "SHOW fsync") == "off"

    server.stop()
    server.start()

    assert await ask(server, "SHOW fsync") == "on"
