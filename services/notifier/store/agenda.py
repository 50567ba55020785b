"""Which deadlines run out next, and how many clocks stand how. All by the index of open clocks."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, ClockState, Duty
from services.notifier.store import directives
from services.notifier.store.clocks import clock_of
from services.notifier.tables import alarmed, clocks, directive_scopes, open_clock
from services.notifier.tables import directives as directives_table
from shared.ids import Jurisdiction

Position = tuple[datetime, str, str]
"""Due time, directive and duty of a clock: the order of the list."""

WITHIN = {"1h": timedelta(hours=1), "6h": timedelta(hours=6), "24h": timedelta(hours=24)}
OVERDUE = "overdue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Without a state: the clocks that are open. Those of sealed directives are there only if `sealed_too`."""

    jurisdiction: Jurisdiction | None = None
    duty: Duty | None = None
    state: ClockState | None = None
    due_before: datetime | None = None
    sealed_too: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """Open clocks by jurisdiction, duty and state; those that may be breached by how soon, in each span that they are in."""

    states: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    due_within: Counter[tuple[str, str]] = field(default_factory=Counter)


async def clocks_page(
    connection: AsyncConnection, wanted: Wanted, *, after: Position | None, limit: int
) -> list[tuple[Directive, Clock]]:
    """Clocks with their directives, those that fall due first before the others."""
    order = (clocks.c.due_at, clocks.c.directive, clocks.c.duty)
    conditions = list(_conditions(wanted))
    if after is not None:
        conditions += [clocks.c.due_at >= after[0], tuple_(*order) > tuple_(*after)]
    statement = select(*clocks.c).where(and_(*conditions)).order_by(*order).limit(limit)
    rows = (await connection.execute(statement)).mappings().all()
    known = await directives.several(connection, {row["directive"] for row in rows})
    return [(known[row["directive"]], clock_of(row)) for row in rows]


async def tally(connection: AsyncConnection, now: datetime) -> Tally:
    """All open clocks, counted in each jurisdiction that their directive asks for something in."""
    spans = {within: and_(alarmed, clocks.c.due_at > now, clocks.c.due_at <= now + span) for within, span in WITHIN.items()}
    spans[OVERDUE] = clocks.c.state == ClockState.BREACHED.value
    place = directive_scopes.c.jurisdiction
    statement = (
        select(place, clocks.c.duty, clocks.c.state, func.count(), *(func.count(case((span, 1))) for span in spans.values()))
        .join(directive_scopes, directive_scopes.c.directive == clocks.c.directive)
        .where(open_clock)
        .group_by(place, clocks.c.duty, clocks.c.state)
    )
    found = Tally()
    for at, duty, state, number, *soon in await connection.execute(statement):
        found.states[at, duty, state] = number
        found.due_within.update({(at, within): count for within, count in zip(spans, soon, strict=True)})
    return found


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [open_clock if wanted.state is None else clocks.c.state == wanted.state.value]
    if wanted.duty is not None:
        found.append(clocks.c.duty == wanted.duty.value)
    if wanted.due_before is not None:
        found.append(clocks.c.due_at < wanted.due_before)
    if not wanted.sealed_too:
        sealed: Any = select(directives_table.c.id).where(directives_table.c.id == clocks.c.directive, directives_table.c.sealed)
        found.append(~sealed.correlate(clocks).exists())
    if wanted.jurisdiction is not None:
        asked: Any = select(directive_scopes.c.directive).where(
            directive_scopes.c.directive == clocks.c.directive, directive_scopes.c.jurisdiction == wanted.jurisdiction
        )
        found.append(asked.correlate(clocks).exists())
    return found
