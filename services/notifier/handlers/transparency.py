"""Figures about the orders that were received in a period. Reads only.

Costs what it counts: every item of the period's directives with its history, every version of their keys and every answer to
these, a batch of directives at a time. It is made for reports that are written now and then, not for a dashboard.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from services.notifier.domain.case import Directive
from services.notifier.domain.transparency import Correspondence, Figures, RowKey, by_row, figures_of, together
from services.notifier.handlers.unit import Unit
from services.notifier.store import correspondence, directives
from services.notifier.store.past_clocks import clocks_at
from services.notifier.store.traces import chronicle_of, told_of
from shared.ids import Jurisdiction

BATCH = 200
"""Directives whose items are held in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The orders that were received from `start` on and before `end`, as they stood at `as_of`."""

    start: datetime
    end: datetime
    as_of: datetime
    jurisdiction: Jurisdiction | None = None
    authority: str | None = None
    legal_basis: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """The figures by row, and those of all directives, each counted once."""

    rows: dict[RowKey, Figures]
    total: Figures


async def account_for(unit: Unit, period: Period) -> Account:
    found = [each async for each in _figures(unit, period)]
    return Account(by_row(found, period.jurisdiction), together(figures for _, figures in found))


async def _figures(unit: Unit, period: Period) -> AsyncIterator[tuple[Directive, Figures]]:
    received = await directives.received_between(
        unit.connection, period.start, period.end, authority=period.authority, legal_basis=period.legal_basis
    )
    was = (await directives.as_of(unit.connection, received, period.as_of)).values()
    wanted = [each for each in was if period.jurisdiction is None or period.jurisdiction in each.scope]
    for start in range(0, len(wanted), BATCH):
        for found in await _of(unit, wanted[start : start + BATCH], period.as_of):
            yield found


async def _of(unit: Unit, found: Sequence[Directive], at: datetime) -> list[tuple[Directive, Figures]]:
    ids = [directive.id for directive in found]
    told, keys = await told_of(unit.connection, found, at)
    chronicle = await chronicle_of(unit.connection, chain.from_iterable(keys.values()), at)
    replied, noticed = await correspondence.written_on(unit.connection, ids, at)
    clocks = await clocks_at(unit.connection, ids, at)
    return [
        (
            directive,
            figures_of(
                directive,
                told[directive.id],
                chronicle,
                Correspondence(
                    first_reply_at=replied.get(directive.id),
                    notices=noticed.get(directive.id, ()),
                    breaches=[duty.value for duty, clock in clocks[directive.id].items() if clock.breached_at],
                ),
            ),
        )
        for directive in found
    ]
