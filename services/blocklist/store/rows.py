"""Rows as plain mappings, for those who only show them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[str, Any]


async def fetch_all(connection: AsyncConnection, statement: Select[Any]) -> list[Row]:
    return [dict(row) for row in (await connection.execute(statement)).mappings()]


async def fetch_first(connection: AsyncConnection, statement: Select[Any]) -> Row | None:
    rows = await fetch_all(connection, statement.limit(1))
    return rows[0] if rows else None
