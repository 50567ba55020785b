"""What the notifier has to say differently to SQLite and PostgreSQL, said once."""

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

SCOPES_LOCK = 0x67776E73
"""An arbitrary number that means «which point has to apply what» among advisory locks of this database."""


def contains(connection: AsyncConnection, column: ColumnElement[Any], text: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether the column's JSON list holds the text."""
    if connection.dialect.name == "postgresql":
        return column.op("?", is_comparison=True)(text)
    held = func.json_each(column).table_valued("value")
    return select(held.c.value).where(held.c.value == text).correlate_except(held).exists()


def length(connection: AsyncConnection, column: ColumnElement[Any]) -> ColumnElement[int]:
    """How long the column's JSON list is."""
    measure = func.jsonb_array_length if connection.dialect.name == "postgresql" else func.json_array_length
    return measure(column)


async def lock_scopes(connection: AsyncConnection, *, alone: bool) -> None:
    """Keeps new versions and new points apart until the transaction ends, so that no point misses a version in its scope.

    Whoever registers a point is `alone`; any number may bring versions at a time. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        await connection.execute(select(lock(SCOPES_LOCK)))
