"""Records set aside with their bytes, because they could not be understood or contradict what is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.tables import quarantine


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    topic: str
    partition: int
    offset: int
    reason: str
    key: bytes
    value: bytes | None
    at: datetime
    id: int | None = None


async def add(connection: AsyncConnection, records: Sequence[Quarantined]) -> None:
    if records:
        await connection.execute(insert(quarantine), [_row(record) for record in records])


async def page(connection: AsyncConnection, *, after: int, limit: int) -> list[Quarantined]:
    found = await connection.execute(select(*quarantine.c).where(quarantine.c.id > after).order_by(quarantine.c.id).limit(limit))
    return [Quarantined(**row) for row in found.mappings()]


async def count(connection: AsyncConnection) -> int:
    return (await connection.execute(select(func.count()).select_from(quarantine))).scalar_one()


def _row(record: Quarantined) -> dict[str, object]:
    return {column.name: getattr(record, column.name) for column in quarantine.c if column.name != "id"}
