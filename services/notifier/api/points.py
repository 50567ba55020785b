"""The enforcement points: who has to apply what, and how soon to answer."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path

from services.notifier import errors
from services.notifier.api import present
from services.notifier.api.context import Context
from services.notifier.domain.points import Point
from services.notifier.handlers.points import register_point
from services.notifier.schemas import POINT_NAME, Page, PointIn, PointOut
from services.notifier.store import points
from shared.http.fields import read_jurisdictions
from shared.http.pages import decode_cursor, page
from shared.http.query import Cursor, Limit
from shared.ids import PointId

router = APIRouter(prefix="/v1/enforcement-points", tags=["enforcement points"])

PointPath = Annotated[str, Path(pattern=POINT_NAME)]


@router.put("/{point_id}")
async def put_point(point_id: PointPath, body: PointIn, context: Context) -> PointOut:
    """Registers the point, or changes its scope. It is asked at once for all that is withheld or released in its scope."""
    point = Point(
        id=PointId(point_id),
        requested=tuple(body.jurisdictions),
        jurisdictions=read_jurisdictions(body.jurisdictions),
        target_types=frozenset(body.target_types),
        ack_within=timedelta(seconds=body.ack_within_seconds),
    )
    await context.run(lambda unit: register_point(unit, point))
    return present.point(point)


@router.get("")
async def list_points(context: Context, limit: Limit = 100, cursor: Cursor = None) -> Page[PointOut]:
    (after,) = decode_cursor(cursor, [""])
    found = await context.ask(lambda unit: points.page(unit.connection, after=after, limit=limit + 1))
    return Page(**page(found, limit, lambda each: [each.id], present.point))


@router.get("/{point_id}")
async def show_point(point_id: PointPath, context: Context) -> PointOut:
    point = await context.ask(lambda unit: points.find(unit.connection, PointId(point_id)))
    if point is None:
        raise errors.unknown_point(point_id)
    return present.point(point)
