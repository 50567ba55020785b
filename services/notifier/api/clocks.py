"""Which deadlines run out next."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.notifier.api import present
from services.notifier.api.context import Context
from services.notifier.api.seal import SeesSealed
from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, ClockState, Duty, state_at
from services.notifier.handlers.unit import Unit
from services.notifier.schemas import DueOut, Page
from services.notifier.store.agenda import Position, Wanted, clocks_page
from shared.http.fields import Time
from shared.http.pages import decode_cursor, not_a_cursor, page
from shared.http.query import Cursor, InJurisdiction, Limit

router = APIRouter(prefix="/v1/clocks", tags=["clocks"])


def _wanted(
    jurisdiction: InJurisdiction,
    sees_sealed: SeesSealed,
    duty: Duty | None = None,
    state: ClockState | None = None,
    due_before: Annotated[Time | None, Query()] = None,
) -> Wanted:
    return Wanted(jurisdiction=jurisdiction, duty=duty, state=state, due_before=due_before, sealed_too=sees_sealed)


@router.get("")
async def list_clocks(
    context: Context, wanted: Annotated[Wanted, Depends(_wanted)], limit: Limit = 100, cursor: Cursor = None
) -> Page[DueOut]:
    """Clocks in the order in which they fall due; without `state` those that are open: running, paused or breached and unmet.

    What items have settled is recorded here within seconds; `/v1/directives/{id}/compliance` counts them at once.
    """
    after = _position(cursor)

    async def found(unit: Unit) -> list[tuple[Directive, Clock, ClockState]]:
        rows = await clocks_page(unit.connection, wanted, after=after, limit=limit + 1)
        return [(directive, clock, state_at(clock, unit.now)) for directive, clock in rows]

    return Page(**page(await context.ask(found), limit, _place, lambda row: present.due(*row)))


def _place(row: tuple[Directive, Clock, ClockState]) -> list[str]:
    directive, clock, _ = row
    return [clock.due_at.isoformat(), directive.id, clock.duty]


def _position(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    due_at, directive, duty = decode_cursor(cursor, ["", "", ""])
    try:
        at = datetime.fromisoformat(due_at)
    except ValueError as error:
        raise not_a_cursor() from error
    if at.tzinfo is None:
        raise not_a_cursor()
    return at, directive, duty
