"""The enforcement points that are registered."""

from datetime import datetime, timedelta

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.points import Point
from services.notifier.tables import enforcement_points
from shared.ids import Jurisdiction, PointId, TargetType
from shared.sql import upsert


async def every(connection: AsyncConnection) -> list[Point]:
    """There are a handful of them: who needs one reads all."""
    found = await connection.execute(select(*enforcement_points.c).order_by(enforcement_points.c.id))
    return [_point(row) for row in found.mappings()]


async def find(connection: AsyncConnection, id_: PointId) -> Point | None:
    found = await connection.execute(select(*enforcement_points.c).where(enforcement_points.c.id == id_))
    row = found.mappings().first()
    return _point(row) if row else None


async def page(connection: AsyncConnection, *, after: str, limit: int) -> list[Point]:
    statement = select(*enforcement_points.c).where(enforcement_points.c.id > after)
    found = await connection.execute(statement.order_by(enforcement_points.c.id).limit(limit))
    return [_point(row) for row in found.mappings()]


async def save(connection: AsyncConnection, point: Point, at: datetime) -> None:
    scope = {
        "requested": list(point.requested),
        "jurisdictions": list(point.jurisdictions),
        "target_types": sorted(point.target_types),
        "ack_within_seconds": int(point.ack_within.total_seconds()),
    }
    statement = upsert(connection, enforcement_points).values(id=point.id, registered_at=at, scoped_at=at, **scope)
    await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=scope | {"scoped_at": at}))


def _point(row: RowMapping) -> Point:
    return Point(
        id=PointId(row["id"]),
        requested=tuple(row["requested"]),
        jurisdictions=tuple(map(Jurisdiction, row["jurisdictions"])),
        target_types=frozenset(map(TargetType, row["target_types"])),
        ack_within=timedelta(seconds=row["ack_within_seconds"]),
        scoped_at=row["scoped_at"] or row["registered_at"],
    )
