"""From a database to a file, as of one moment, while its service goes on.

Promises: all tables are as of one instant (PostgreSQL: one snapshot; SQLite: a copy made in one step), and in an order in which
each can be loaded. Writers are not held up but, on SQLite, for as long as the file takes to be copied.
"""

import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.backup.archive import ArchiveWriter, sealed_archive
from shared.backup.engine import engine_of
from shared.backup.errors import NotBackedUp
from shared.backup.manifest import Manifest, TableEntry, columns_of
from shared.backup.rows import line_of
from shared.db import sqlite_file
from shared.migrations import is_current, knows
from shared.system import find

ROWS_AT_A_TIME = 1000


async def back_up(url: str, package: str, metadata: MetaData, path: Path) -> Manifest:
    """Writes the whole database to a new file, and reads that again. Raises NotBackedUp if the database is not migrated."""
    with sealed_archive(path) as archive:
        async with _snapshot(url, path.parent) as connection:
            revision = await connection.run_sync(_revision)
            if not (await is_current(connection, package) and knows(package, revision)):
                raise NotBackedUp("the database is not at the schema of this release: run migrate first")
            tables = [await _table(connection, table, archive) for table in metadata.sorted_tables]
            manifest = Manifest(
                service=package.rpartition(".")[2],
                revision=revision,
                epoch=(await find(connection, metadata.tables["system"])).epoch,
                taken_at=datetime.now(UTC),
                dialect=connection.dialect.name,
                tables=tuple(tables),
            )
        archive.finish(manifest)
    return manifest


@asynccontextmanager
async def _snapshot(url: str, folder: Path) -> AsyncIterator[AsyncConnection]:
    file = sqlite_file(url)
    if file is None:
        async with _reading(url) as connection:
            yield connection
        return
    with tempfile.TemporaryDirectory(dir=folder) as inside:
        copy = Path(inside) / "copy.sqlite3"
        _copy(file, copy)
        async with _reading(f"sqlite:///{copy}") as connection:
            yield connection


@asynccontextmanager
async def _reading(url: str) -> AsyncIterator[AsyncConnection]:
    engine = engine_of(url)
    try:
        async with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            yield connection
    finally:
        await engine.dispose()


def _copy(file: Path, copy: Path) -> None:
    """SQLite's own way to copy a database that is in use."""
    if not file.exists():
        raise NotBackedUp(f"there is no database {file}")
    with closing(sqlite3.connect(file, timeout=30)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


async def _table(connection: AsyncConnection, table: Table, archive: ArchiveWriter) -> TableEntry:
    ordered = select(*table.c).order_by(*table.primary_key).execution_options(yield_per=ROWS_AT_A_TIME)
    with archive.table(table.name) as sink:
        async for row in await connection.stream(ordered):
            sink.write(line_of(row))
        serial = await _serial(connection, table)
    return TableEntry(name=str(table.name), columns=columns_of(table), rows=sink.rows, sha256=sink.sha256, serial=serial)


async def _serial(connection: AsyncConnection, table: Table) -> int | None:
    """The last number that the table gave out: numbers of rows that are gone are not given out again."""
    column = table.autoincrement_column
    if column is None:
        return None
    highest = int(await connection.scalar(select(func.coalesce(func.max(column), 0))) or 0)
    if connection.dialect.name == "sqlite":
        given = await connection.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
    else:
        given = await connection.scalar(text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:table, :column)::regclass)"),
                                        {"table": table.name, "column": column.name})  # fmt: skip
    return max(highest, int(given or 0))


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""
