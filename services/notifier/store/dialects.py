"""The few things that SQLite and PostgreSQL say differently, said once."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

PARAMETERS = 10_000
"""Values in one statement; SQLite takes 32,766."""

SCOPES_LOCK = 0x67776E73
"""An arbitrary number that means «which point has to apply what» among advisory locks of this database."""

Insert = sqlite.Insert | postgresql.Insert


def upsert(connection: AsyncConnection, table: Table) -> Insert:
    """An INSERT that can be told what to do with rows that are there already."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def elements(connection: AsyncConnection, column: ColumnElement[Any]) -> FromClause:
    """The texts in a column's JSON list as rows, in a column named `value`."""
    unfold = func.jsonb_array_elements_text if connection.dialect.name == "postgresql" else func.json_each
    return unfold(column).table_valued("value")


async def lock_scopes(connection: AsyncConnection, *, alone: bool) -> None:
    """Keeps new versions and new points apart until the transaction ends, so that no point misses a version in its scope.

    Whoever registers a point is `alone`; any number may bring versions at a time. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        await connection.execute(select(lock(SCOPES_LOCK)))


def in_chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), PARAMETERS):
        yield values[start : start + PARAMETERS]
