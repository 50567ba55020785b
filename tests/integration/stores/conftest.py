"""A PostgreSQL of these tests' own, which they stop, kill and configure, and the services on it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from shared.db import Database
from tests.support.blocklist import migrated, silence_logs
from tests.support.postgres import ControlledPostgres, controlled_postgres


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    silence_logs()
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def running_server() -> Iterator[ControlledPostgres]:
    with controlled_postgres() as running:
        yield running


@pytest.fixture
def server(running_server: ControlledPostgres) -> Iterator[ControlledPostgres]:
    """Whatever a test does to it, the next one finds it running, as it is by default."""
    yield running_server
    running_server.thaw()
    running_server.stop()
    (running_server.folder / "postgresql.auto.conf").write_text("")
    running_server.start()


@pytest.fixture
async def database(server: ControlledPostgres) -> AsyncIterator[Database]:
    """The blocklist's tables in the server's own database."""
    async with migrated(server.url()) as opened:
        yield opened
