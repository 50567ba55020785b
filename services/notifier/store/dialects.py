"""What the notifier has to say differently to SQLite and PostgreSQL, said once."""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, func, literal, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

SCOPES_LOCK = 0x67776E73
"""An arbitrary number that means «which point has to apply what» among advisory locks of this database."""


def elements(connection: AsyncConnection, column: ColumnElement[Any]) -> FromClause:
    """The texts in a column's JSON list as rows, in a column named `value`."""
    unfold = func.jsonb_array_elements_text if connection.dialect.name == "postgresql" else func.json_each
    return unfold(column).table_valued("value")


def holds(connection: AsyncConnection, column: ColumnElement[Any], value: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a column's JSON list has the text. Unlike a list that is unfolded, no planner has to guess how long it is."""
    if connection.dialect.name == "postgresql":
        found: ColumnElement[bool] = type_coerce(column, JSONB).has_key(value)
        return found
    unfolded = func.json_each(column).table_valued("value")
    return select(literal(1)).select_from(unfolded).where(unfolded.c.value == value).exists()


def length(connection: AsyncConnection, column: ColumnElement[Any]) -> ColumnElement[int]:
    """How many texts a column's JSON list has."""
    count = func.jsonb_array_length if connection.dialect.name == "postgresql" else func.json_array_length
    return count(column)


async def lock_scopes(connection: AsyncConnection, *, alone: bool) -> None:
    """Keeps new versions and new points apart until the transaction ends, so that no point misses a version in its scope.

    Whoever registers a point is `alone`; any number may bring versions at a time. SQLite has one writer anyway.
    """
    if connection.dialect.name == "postgresql":
        lock = func.pg_advisory_xact_lock if alone else func.pg_advisory_xact_lock_shared
        await connection.execute(select(lock(SCOPES_LOCK)))
