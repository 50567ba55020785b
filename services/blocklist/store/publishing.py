"""Whether publishing is stopped, and every time that it was."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.store.rows import Row, fetch_all, fetch_first
from services.blocklist.tables import publishing_stops as stops
from shared.sql import upsert


async def may_publish(connection: AsyncConnection) -> bool:
    return await standing(connection) is None


async def standing(connection: AsyncConnection) -> Row | None:
    """The stop that stands now."""
    return await fetch_first(connection, select(*stops.c).where(stops.c.standing))


async def stop(connection: AsyncConnection, at: datetime, *, by: str, memo: str) -> bool:
    """Whether this was it that stopped publishing: of several at once, one is."""
    values = {"standing": True, "stopped_at": at, "stopped_by": by, "stop_memo": memo}
    made = await connection.execute(upsert(connection, stops).values(values).on_conflict_do_nothing().returning(stops.c.seq))
    return made.first() is not None


async def resume(connection: AsyncConnection, at: datetime, *, memo: str, approvers: list[str]) -> bool:
    """Whether there was a stop to end."""
    ended = {"standing": None, "resumed_at": at, "resume_memo": memo, "approvers": approvers}
    found = await connection.execute(update(stops).where(stops.c.standing).values(ended).returning(stops.c.seq))
    return found.first() is not None


async def page(connection: AsyncConnection, *, after: int, limit: int) -> list[Row]:
    """Every stop, in the order in which they were made."""
    return await fetch_all(connection, select(*stops.c).where(stops.c.seq > after).order_by(stops.c.seq).limit(limit))
