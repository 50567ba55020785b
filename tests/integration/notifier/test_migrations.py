from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from services.notifier.tables import metadata
from shared.db import Database
from shared.migrations import is_current, migrate
from tests.integration.notifier.world import PACKAGE, World


async def test_the_migrations_make_the_tables_that_the_code_has(world: World) -> None:
    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    assert await world.database.read(lambda connection: connection.run_sync(differences)) == []


async def test_migrating_again_changes_nothing(migrated_sqlite: str) -> None:
    await migrate(migrated_sqlite, PACKAGE)
    database = Database(migrated_sqlite)

    try:
        assert await database.read(lambda connection: is_current(connection, PACKAGE))
    finally:
        await database.close()


async def test_a_database_that_was_never_migrated_is_not_current(database_url: str) -> None:
    database = Database(database_url)

    try:
        assert not await database.read(lambda connection: is_current(connection, PACKAGE))
    finally:
        await database.close()
