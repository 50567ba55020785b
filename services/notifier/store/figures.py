"""Figures by jurisdiction, of the keys of that jurisdiction alone."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import FromClause, Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.compliance import UNILATERAL
from services.notifier.domain.effect import WithholdingState
from services.notifier.store import held, keys
from services.notifier.tables import alarmed, clocks, directive_scopes, enforcements, waiting, withholding_history, withholdings
from shared.ids import Jurisdiction, Key

Places = Collection[Jurisdiction] | None
"""Jurisdictions to look at; None looks at all."""


@dataclass(frozen=True, slots=True)
class Figures:
    """`states` counts present versions by state, `enforcements` their enforcements by jurisdiction and state.

    Keys of which nobody knows how they stand are `unknown`, and in no state.
    """

    states: Counter[tuple[Jurisdiction, str]] = field(default_factory=Counter)
    unilateral_releases: Counter[Jurisdiction] = field(default_factory=Counter)
    enforcements: Counter[tuple[Jurisdiction, str]] = field(default_factory=Counter)
    unknown: Counter[Jurisdiction] = field(default_factory=Counter)

    @property
    def places(self) -> set[Jurisdiction]:
        return {place for place, _ in self.states} | set(self.unknown)


async def figures(connection: AsyncConnection, places: Places = None) -> Figures:
    found = Figures()
    by_state = select(withholdings.c.jurisdiction, withholdings.c.state, func.count()).group_by(
        withholdings.c.jurisdiction, withholdings.c.state
    )
    for place, state, number in await _rows(connection, by_state, withholdings, places):
        found.states[place, state] = number
    for table in (withholdings, withholding_history):
        for place, number in await _rows(connection, unilateral(table), table, places):
            found.unilateral_releases[place] += number
    answers = (
        select(enforcements.c.jurisdiction, enforcements.c.state, func.count())
        .where(enforcements.c.current)
        .group_by(enforcements.c.jurisdiction, enforcements.c.state)
    )
    for place, state, number in await _rows(connection, answers, enforcements, places):
        found.enforcements[place, state] = number
    await count_unknown(connection, found, withholdings, await held.held_among(connection, places))
    return found


async def count_unknown(connection: AsyncConnection, found: Figures, versions: FromClause, unknown: Collection[Key]) -> None:
    """Takes these keys out of the states that `versions` has them in."""
    found.unknown.update(key.jurisdiction for key in unknown)
    for condition in keys.conditions(versions, unknown):
        counted = select(versions.c.jurisdiction, versions.c.state, func.count()).where(condition)
        for place, state, number in await connection.execute(counted.group_by(versions.c.jurisdiction, versions.c.state)):
            found.states[place, state] -= number


async def next_due(connection: AsyncConnection, places: Places = None) -> dict[Jurisdiction, datetime]:
    """When the next answer of a point or the next clock of a directive is due in each jurisdiction."""
    answers = (
        select(enforcements.c.jurisdiction, func.min(enforcements.c.due_at))
        .where(waiting, enforcements.c.due_at.is_not(None))
        .group_by(enforcements.c.jurisdiction)
    )
    clocks_due = (
        select(directive_scopes.c.jurisdiction, func.min(clocks.c.due_at))
        .join(clocks, clocks.c.directive == directive_scopes.c.directive)
        .where(alarmed)
        .group_by(directive_scopes.c.jurisdiction)
    )
    found: dict[Jurisdiction, datetime] = {}
    for statement, table in ((answers, enforcements), (clocks_due, directive_scopes)):
        for place, due_at in await _rows(connection, statement, table, places):
            found[place] = min(found.get(place, due_at), due_at)
    return found


def unilateral(table: Table) -> Select[tuple[str, int]]:
    """Past or present versions that the platform released on its own decision."""
    return (
        select(table.c.jurisdiction, func.count())
        .where(table.c.state == WithholdingState.RELEASED.value, table.c.cause == UNILATERAL)
        .group_by(table.c.jurisdiction)
    )


async def _rows(connection: AsyncConnection, statement: Select[Any], table: Table, places: Places) -> Sequence[Any]:
    wanted = statement if places is None else statement.where(table.c.jurisdiction.in_(places))
    found: Sequence[Any] = (await connection.execute(wanted)).all()
    return found
