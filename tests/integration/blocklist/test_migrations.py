from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.blocklist.app import PACKAGE
from services.blocklist.tables import metadata
from shared.db import Database, driver_url
from shared.migrations import _config, is_current, migrate


def _differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


async def test_the_migrations_make_exactly_the_tables_that_the_code_knows(database_url: str) -> None:
    await migrate(database_url, PACKAGE)
    engine = create_async_engine(driver_url(database_url))

    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()

    assert differences == []


async def test_migrating_again_changes_nothing(database_url: str) -> None:
    await migrate(database_url, PACKAGE)

    await migrate(database_url, PACKAGE)

    database = Database(database_url)
    assert await database.read(lambda connection: is_current(connection, PACKAGE))
    await database.close()


async def test_an_empty_database_is_not_current(database_url: str) -> None:
    database = Database(database_url)

    current = await database.read(lambda connection: is_current(connection, PACKAGE))

    await database.close()
    assert not current


async def test_a_database_that_a_later_release_migrated_is_current(database_url: str) -> None:
    await migrate(database_url, PACKAGE)
    database = Database(database_url)

    async def later(connection: AsyncConnection) -> None:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    await database.write(later)

    assert await database.read(lambda connection: is_current(connection, PACKAGE))
    await database.close()


async def test_the_migrations_can_be_taken_back(database_url: str) -> None:
    await migrate(database_url, PACKAGE)
    engine = create_async_engine(driver_url(database_url))

    def downgrade(connection: Connection) -> list[str]:
        config = _config(PACKAGE)
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        return inspect(connection).get_table_names()

    async with engine.begin() as connection:
        left = await connection.run_sync(downgrade)
    await engine.dispose()

    assert left == ["alembic_version"]
