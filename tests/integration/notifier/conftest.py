"""The service's database, made by its migrations once and empty for each test."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.tables import metadata
from shared.db import Database, opened
from shared.migrations import migrate
from tests.integration.notifier.fakes import FakeKafka
from tests.integration.notifier.world import PACKAGE, World
from tests.support.postgres import Postgres, fresh_database


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("notifier") / "template.sqlite3"
    asyncio.run(migrate(f"sqlite:///{file}", PACKAGE))
    return file


@pytest.fixture
def migrated_sqlite(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'notifier.sqlite3')}"


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: Postgres) -> Iterator[str]:
    with fresh_database(postgres_server) as url:
        asyncio.run(migrate(url, PACKAGE))
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def migrated_database(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"migrated_{request.param}")
    return url


@pytest.fixture
async def world(migrated_database: str) -> AsyncIterator[World]:
    """On SQLite and on PostgreSQL in turn."""
    async with _world(migrated_database) as made:
        yield made


@pytest.fixture
async def sqlite_world(migrated_sqlite: str) -> AsyncIterator[World]:
    """For tests of what no database can make a difference to."""
    async with _world(migrated_sqlite) as made:
        yield made


@pytest.fixture
async def postgres_world(migrated_postgres: str) -> AsyncIterator[World]:
    """For tests of what only a database with several writers can do."""
    async with _world(migrated_postgres) as made:
        yield made


@asynccontextmanager
async def _world(url: str) -> AsyncIterator[World]:
    async with opened(Database(url)) as database:
        if database.dialect == "postgresql":
            await database.write(_empty)
        yield World(database)


@pytest.fixture
def kafka() -> FakeKafka:
    return FakeKafka()


async def _empty(connection: AsyncConnection) -> None:
    names = ", ".join(table.name for table in metadata.sorted_tables)
    await connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))
