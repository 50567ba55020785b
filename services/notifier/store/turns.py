"""Moves of enforcements that their own times do not tell. Few: almost every enforcement is applied once, and that is all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.enforcement import Turn
from services.notifier.tables import enforcement_turns, enforcements


async def add(connection: AsyncConnection, found: Sequence[Turn]) -> None:
    if found:
        await connection.execute(insert(enforcement_turns), list(map(_row, found)))


async def drop(connection: AsyncConnection, dropped: ColumnElement[bool], at: datetime) -> None:
    """The turns of the enforcements that meet the condition are past, together with them."""
    same = (enforcement_turns.c[column.name] == column for column in enforcements.primary_key)
    of_dropped = select(enforcements.c.point).where(and_(dropped, *same)).correlate(enforcement_turns).exists()
    await connection.execute(
        update(enforcement_turns).where(enforcement_turns.c.dropped_at.is_(None), of_dropped).values(dropped_at=at)
    )


def _row(turn: Turn) -> dict[str, Any]:
    return {
        "jurisdiction": turn.key.jurisdiction,
        "target": turn.key.target,
        "version": turn.version,
        "point": turn.point,
        "state": turn.state,
        "at": turn.at,
    }
