"""Query parameters that several routes have."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query

from shared.http.problems import Fault, Kind, Refusal
from shared.ids import Jurisdiction
from shared.jurisdictions import JurisdictionError, parse_jurisdiction

MAX_PAGE = 1000

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Cursor = Annotated[str | None, Query(max_length=8192)]


def read_place(code: str, *, pointer: str | None = None, parameter: str | None = None) -> Jurisdiction:
    """One jurisdiction, never a group. Raises Refusal that names where in the request the code stands."""
    try:
        return parse_jurisdiction(code)
    except JurisdictionError as error:
        raise Refusal(Kind.INVALID, str(error), (Fault(str(error), pointer=pointer, parameter=parameter),)) from error


def _jurisdiction(jurisdiction: Annotated[str | None, Query(max_length=10)] = None) -> Jurisdiction | None:
    return None if jurisdiction is None else read_place(jurisdiction, parameter="jurisdiction")


InJurisdiction = Annotated[Jurisdiction | None, Depends(_jurisdiction)]


def not_future(as_of: datetime | None, now: datetime) -> datetime | None:
    """Refuses an instant of the future, of which nothing can be told."""
    if as_of is not None and as_of > now:
        detail = "as_of lies in the future"
        raise Refusal(Kind.INVALID, detail, (Fault(detail, parameter="as_of"),))
    return as_of
