"""What the enforcement points made of each version, and how they tell."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from services.notifier import errors
from services.notifier.api import present
from services.notifier.api.context import Context, OnTarget
from services.notifier.api.seal import SeesSealed
from services.notifier.domain.enforcement import EnforcementState
from services.notifier.handlers.reports import CLOCK_SKEW, Reported, record_reports
from services.notifier.handlers.unit import Unit
from services.notifier.schemas import POINT_NAME, AckIn, AckOut, EnforcementOut, Page, ReportIn
from services.notifier.store import points
from services.notifier.store.listing import BEGINNING, Filter, enforcements_page
from shared.events import EnforcementReported
from shared.http.fields import MAX_FAULTS
from shared.http.pages import decode_cursor, page
from shared.http.problems import Fault, Kind, Refusal
from shared.http.query import Cursor, InJurisdiction, Limit
from shared.ids import DirectiveId, PointId
from shared.jurisdictions import JurisdictionError, parse_jurisdiction
from shared.targets import TargetError, parse_target

router = APIRouter(prefix="/v1/enforcements", tags=["enforcements"])


@router.get("")
async def list_enforcements(
    context: Context,
    jurisdiction: InJurisdiction,
    target: OnTarget,
    sees_sealed: SeesSealed,
    point: Annotated[str | None, Query(pattern=POINT_NAME)] = None,
    state: EnforcementState | None = None,
    directive: Annotated[str | None, Query(max_length=64)] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[EnforcementOut]:
    """Present versions at the points that have to apply them; with `state=superseded` those that newer versions overtook."""
    place, target_, version, name = decode_cursor(cursor, list(BEGINNING))
    wanted = Filter(
        jurisdiction=jurisdiction,
        point=PointId(point) if point else None,
        state=state,
        target=target,
        directive=DirectiveId(directive) if directive else None,
        sealed_too=sees_sealed,
    )
    rows = await context.ask(
        lambda unit: enforcements_page(unit.connection, wanted, after=(place, target_, version, name), limit=limit + 1)
    )
    return Page(**page(rows, limit, lambda row: [row[name] for name in _ORDER], present.enforcement))


_ORDER = ("jurisdiction", "target", "version", "point")


@router.post("/ack")
async def acknowledge(body: AckIn, context: Context) -> AckOut:
    """An enforcement point tells what it did. One malformed item refuses all."""
    reports = _read(body)

    async def record(unit: Unit) -> Reported:
        if await points.find(unit.connection, PointId(body.point)) is None:
            raise errors.point_not_registered(body.point)
        _refuse_future(reports, unit.now)
        return await record_reports(unit, reports)

    done = await context.run(record)
    return AckOut(accepted=done.accepted, ignored=done.ignored)


def _refuse_future(reports: Sequence[EnforcementReported], now: datetime) -> None:
    faults = tuple(
        Fault("lies in the future", pointer=f"/items/{index}/at")
        for index, report in enumerate(reports)
        if report.at > now + CLOCK_SKEW
    )
    if faults:
        raise Refusal(Kind.INVALID, "a report cannot be of the future", faults[:MAX_FAULTS])


def _read(body: AckIn) -> Sequence[EnforcementReported]:
    reports: list[EnforcementReported] = []
    faults: list[Fault] = []
    for index, item in enumerate(body.items):
        try:
            reports.append(_reported(PointId(body.point), item))
        except TargetError as error:
            faults.append(Fault(str(error), pointer=f"/items/{index}/target"))
        except JurisdictionError as error:
            faults.append(Fault(str(error), pointer=f"/items/{index}/jurisdiction"))
    if faults:
        raise Refusal(Kind.INVALID, f"{len(faults)} item(s) are not valid", tuple(faults[:MAX_FAULTS]))
    return reports


def _reported(point: PointId, item: ReportIn) -> EnforcementReported:
    return EnforcementReported(
        point=point,
        target=parse_target(item.target),
        jurisdiction=parse_jurisdiction(item.jurisdiction),
        version=item.version,
        state=item.state,
        at=item.at,
        detail=item.detail,
    )
