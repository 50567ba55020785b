"""How jurisdictions stand."""

from typing import Annotated

from fastapi import APIRouter, Path

from services.notifier.api import present
from services.notifier.api.context import AsOf, Context
from services.notifier.handlers.places import PlaceReport, places_with_keys, report_places
from services.notifier.handlers.unit import Unit
from services.notifier.schemas import JurisdictionOut, Page
from shared.http.pages import decode_cursor, page
from shared.http.problems import Kind, Refusal
from shared.http.query import Cursor, Limit, not_future
from shared.jurisdictions import JurisdictionError, parse_jurisdiction

router = APIRouter(prefix="/v1/jurisdictions", tags=["jurisdictions"])


@router.get("")
async def list_jurisdictions(context: Context, limit: Limit = 100, cursor: Cursor = None) -> Page[JurisdictionOut]:
    """Every jurisdiction in which something is or was withheld, in the order of their codes."""
    (after,) = decode_cursor(cursor, [""])

    async def reports(unit: Unit) -> list[PlaceReport]:
        places = [place for place in await places_with_keys(unit) if place > after]
        return await report_places(unit, places[: limit + 1])

    found = await context.ask(reports)
    return Page(**page(found, limit, lambda report: [report.jurisdiction], present.jurisdiction))


@router.get("/{code}")
async def show_jurisdiction(code: Annotated[str, Path(max_length=16)], context: Context, as_of: AsOf = None) -> JurisdictionOut:
    """The keys of this jurisdiction alone: not those of its parts, nor those that hold worldwide; now, or `as_of` then."""
    try:
        place = parse_jurisdiction(code)
    except JurisdictionError as error:
        raise Refusal(Kind.NOT_FOUND, str(error)) from error
    (report,) = await context.ask(lambda unit: report_places(unit, [place], as_of=not_future(as_of, unit.now)))
    return present.jurisdiction(report)
