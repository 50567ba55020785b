"""From a file to a database: all of it or nothing.

Promises
 1. The file is checked from its first to its last byte before the database is touched.
 2. The database is the old one until the block of `restoring` has ended well, and the new one from then on: on PostgreSQL by one
    transaction, on SQLite by a new file that takes the place of the old one, which is kept beside it.
 3. A database with rows in it is replaced only where the caller says so, one that is in use never.
 4. A backup of an earlier release is loaded into the schema that it had, and brought to the newest one then.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, Table, and_, bindparam, insert, inspect, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.backup import sqlite_files
from shared.backup.archive import Archive
from shared.backup.engine import engine_of
from shared.backup.errors import NotRestorable, Occupied
from shared.backup.manifest import TableEntry, table_of
from shared.db import exclusive, sqlite_file
from shared.migrations import knows, upgrade

ROWS_AT_A_TIME = 1000

_OWN = frozenset({"system", "relay_lanes", "relay_members"})
"""What a service writes into an empty database as soon as it starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a backup goes: the service's database, its package with the migrations, and whether what is there may go."""

    url: str
    package: str
    metadata: MetaData
    replace: bool = False


def restoring(place: Place, archive: Archive) -> AbstractAsyncContextManager[AsyncConnection]:
    """An open transaction in which the database is what the archive holds, at the newest schema; kept if the block ends well.

    Raises NotRestorable or Occupied with everything as it was.
    """
    service = place.package.rpartition(".")[2]
    if archive.manifest.service != service:
        raise NotRestorable(f"this is a backup of {archive.manifest.service}, not of {service}")
    if not knows(place.package, archive.manifest.revision):
        raise NotRestorable(f"the backup has schema {archive.manifest.revision!r}, which this release does not know")
    file = sqlite_file(place.url)
    return _in_transaction(place, archive) if file is None else _in_new_file(place, archive, file)


@asynccontextmanager
async def _in_transaction(place: Place, archive: Archive) -> AsyncIterator[AsyncConnection]:
    engine = engine_of(place.url)
    try:
        async with engine.begin() as connection:
            await _refuse_others(connection)
            await connection.run_sync(_refuse_rows, place)
            await connection.run_sync(_drop, place.metadata)
            await _fill(connection, place, archive)
            yield connection
    finally:
        await engine.dispose()


@asynccontextmanager
async def _in_new_file(place: Place, archive: Archive, file: Path) -> AsyncIterator[AsyncConnection]:
    new = file.with_name(f"{file.name}.restoring")
    with _alone(place.url):
        await _look_into(place)
        sqlite_files.remove(new)
        engine = engine_of(f"sqlite:///{new}")
        try:
            async with engine.begin() as connection:
                await _fill(connection, place, archive)
                yield connection
                await _check_references(connection)
            await engine.dispose()
            sqlite_files.take_place(new, file)
        finally:
            await engine.dispose()
            sqlite_files.remove(new)


@contextmanager
def _alone(url: str) -> Iterator[None]:
    try:
        lock = exclusive(url)
        lock.__enter__()
    except RuntimeError as error:
        raise Occupied(f"{error}; stop the service first") from error
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


async def _look_into(place: Place) -> None:
    if not place.replace:
        engine = engine_of(place.url)
        try:
            async with engine.connect() as connection:
                await connection.run_sync(_refuse_rows, place)
        finally:
            await engine.dispose()


async def _refuse_others(connection: AsyncConnection) -> None:
    others = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    count = await connection.scalar(others)
    if count:
        raise Occupied(f"{count} others are connected to the database: stop the services first")


def _refuse_rows(connection: Connection, place: Place) -> None:
    """Whatever is there may go if the caller says so."""
    there = set(inspect(connection).get_table_names())
    for table in place.metadata.sorted_tables:
        if place.replace or table.name in _OWN or table.name not in there:
            continue
        if connection.execute(select(text("1")).select_from(table).limit(1)).first() is not None:
            raise Occupied(f"there are rows in {table.name}: say --replace if all that is in this database may go")


def _drop(connection: Connection, metadata: MetaData) -> None:
    metadata.drop_all(connection)
    connection.execute(text("DROP TABLE IF EXISTS alembic_version"))


async def _fill(connection: AsyncConnection, place: Place, archive: Archive) -> None:
    await connection.run_sync(upgrade, place.package, archive.manifest.revision)
    for entry in archive.manifest.tables:
        await _load(connection, place.metadata, archive, entry)
        await _go_on_counting(connection, place.metadata, entry)
    await connection.run_sync(upgrade, place.package, "head")


async def _load(connection: AsyncConnection, metadata: MetaData, archive: Archive, entry: TableEntry) -> None:
    """The table's rows. What refers to a row of the same table is set once all of them are there."""
    table, own = table_of(entry), _own_references(metadata, entry.name)
    names = [column.name for column in entry.columns]
    later: list[dict[str, Any]] = []
    rows = (dict(zip(names, values, strict=True)) for values in archive.rows(entry))
    while chunk := list(islice(rows, ROWS_AT_A_TIME)):
        later += [row for row in chunk if any(row[name] is not None for name in own)]
        await connection.execute(insert(table), [{**row, **dict.fromkeys(own)} for row in chunk])
    if later:
        await _refer(connection, table, metadata.tables[entry.name], own, later)


async def _refer(
    connection: AsyncConnection, table: Table, known: Table, own: Sequence[str], rows: Sequence[dict[str, Any]]
) -> None:
    keys = [column.name for column in known.primary_key]
    these = and_(*(table.c[name] == bindparam(f"key_{name}") for name in keys))
    statement = update(table).where(these).values({name: bindparam(f"new_{name}") for name in own})
    values = [{f"key_{name}": row[name] for name in keys} | {f"new_{name}": row[name] for name in own} for row in rows]
    await connection.execute(statement, values)


def _own_references(metadata: MetaData, name: str) -> list[str]:
    table = metadata.tables.get(name)
    columns = () if table is None else table.c
    return [column.name for column in columns if any(key.column.table is table for key in column.foreign_keys)]


async def _go_on_counting(connection: AsyncConnection, metadata: MetaData, entry: TableEntry) -> None:
    """The next number that the table gives out is above all that it ever gave out."""
    known = metadata.tables.get(entry.name)
    if not entry.serial or known is None or known.autoincrement_column is None:
        return
    names = {"table": entry.name, "column": known.autoincrement_column.name, "last": entry.serial}
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT setval(pg_get_serial_sequence(:table, :column)::regclass, :last)"), names)
        return
    await connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), {"table": entry.name})
    await connection.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"),
                             {"table": entry.name, "last": entry.serial})  # fmt: skip


async def _check_references(connection: AsyncConnection) -> None:
    broken = (await connection.execute(text("PRAGMA foreign_key_check"))).first()
    if broken is not None:
        raise NotRestorable(f"table {broken[0]} refers to rows of {broken[2]} that are not there")
