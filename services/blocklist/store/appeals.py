"""Appeals, with what became of them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.store.rows import Row, fetch_all, fetch_first
from services.blocklist.tables import appeals, directives


async def add(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    await connection.execute(insert(appeals).values(dict(values)))


async def find(connection: AsyncConnection, id_: str) -> Row | None:
    return await fetch_first(connection, select(*appeals.c).where(appeals.c.id == id_))


async def conclude(connection: AsyncConnection, id_: str, values: Mapping[str, Any]) -> None:
    """Writes the outcome. The caller holds the directive's lock."""
    await connection.execute(update(appeals).where(appeals.c.id == id_).values(dict(values)))


async def page(connection: AsyncConnection, filters: Mapping[str, Any], *, sealed_too: bool, after: int, limit: int) -> list[Row]:
    """Appeals in the order of their arrival. `filters` names columns."""
    statement = select(*appeals.c).where(appeals.c.seq > after)
    for name, value in filters.items():
        statement = statement.where(appeals.c[name] == value)
    if not sealed_too:
        open_ = directives.c.sealed.is_(False)
        statement = statement.join(directives, directives.c.id == appeals.c.directive).where(open_)
    return await fetch_all(connection, statement.order_by(appeals.c.seq).limit(limit))
