"""What the notifier has to say differently to SQLite and PostgreSQL, said once."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

SCOPES_LOCK = 0x67776E73
"""An arbitrary number that means «which point has to apply what» among advisory locks of this database."""


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
