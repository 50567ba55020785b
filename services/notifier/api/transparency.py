"""Figures about orders, for the public and for the platform itself."""

from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import TypeAdapter, ValidationError

from services.notifier.api.context import AsOf, Context
from services.notifier.api.replies import PRINTABLE
from services.notifier.api.seal import SeesSealed
from services.notifier.documents import Audience, Document, Report, csv_of, transparency, transparency_page
from services.notifier.handlers.transparency import Account, Period, account_for
from services.notifier.handlers.unit import Unit
from shared.http.fields import Storable, Time
from shared.http.problems import Fault, Kind, Refusal
from shared.http.query import InJurisdiction, not_future

router = APIRouter(prefix="/v1/transparency", tags=["transparency"])

_TIME: TypeAdapter[datetime] = TypeAdapter(Time)

Name = Annotated[str | None, Query(max_length=200), Storable]


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"
    HTML = "html"


@router.get(
    "",
    response_class=JSONResponse,
    responses={
        200: {"content": {"application/json": {"schema": {"type": "object"}}, "text/csv": {}, "text/html": {}}},
    },
)
async def show_transparency(
    context: Context,
    sees_sealed: SeesSealed,
    jurisdiction: InJurisdiction,
    from_: Annotated[str, Query(alias="from", max_length=40)],
    to: Annotated[str, Query(max_length=40)],
    authority: Name = None,
    legal_basis: Name = None,
    as_of: AsOf = None,
    format_: Annotated[Format, Query(alias="format")] = Format.JSON,
    audience: Audience = Audience.PUBLIC,
) -> Response:
    """Orders received from `from` on and before `to`, both dates or times. Small counts are told to the platform alone."""
    start, end = _moment(from_, "from"), _moment(to, "to")
    if start >= end:
        raise _refused("to has to lie after from", "to")
    if audience is Audience.INTERNAL and not sees_sealed:
        raise _refused("small counts are told to whoever sends the key of the platform", "audience")

    async def account(unit: Unit) -> tuple[Period, Account]:
        period = Period(
            start=start,
            end=end,
            as_of=not_future(as_of, unit.now) or unit.now,
            jurisdiction=jurisdiction,
            authority=authority,
            legal_basis=legal_basis,
        )
        return period, await account_for(unit, period)

    period, found = await context.report(account)
    return _answer(transparency(_report(period, found, audience)), format_)


def _report(period: Period, found: Account, audience: Audience) -> Report:
    filters = {"jurisdiction": period.jurisdiction, "authority": period.authority, "legal_basis": period.legal_basis}
    return Report(
        start=period.start,
        end=period.end,
        as_of=period.as_of,
        audience=audience,
        filters=filters,
        rows=found.rows,
        total=found.total,
    )


def _answer(document: Document, format_: Format) -> Response:
    if format_ is Format.HTML:
        return HTMLResponse(transparency_page(document), headers=PRINTABLE)
    if format_ is Format.CSV:
        name = f"transparency_{document['from'][:10]}_{document['to'][:10]}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
        return Response(csv_of(document["rows"]), media_type="text/csv", headers=headers)
    return JSONResponse(document)


def _moment(text: str, parameter: str) -> datetime:
    """A date stands for its beginning in UTC."""
    try:
        return datetime.combine(date.fromisoformat(text), time(tzinfo=UTC)) if len(text) == len("2021-01-31") else _time(text)
    except ValueError as error:
        raise _refused("a date such as 2021-01-31, or an RFC 3339 time such as 2021-01-31T07:10:00Z", parameter) from error


def _time(text: str) -> datetime:
    try:
        return _TIME.validate_python(text)
    except ValidationError as error:
        raise ValueError(text) from error


def _refused(detail: str, parameter: str) -> Refusal:
    return Refusal(Kind.INVALID, detail, (Fault(detail, parameter=parameter),))
