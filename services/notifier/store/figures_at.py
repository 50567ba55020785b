"""Figures by jurisdiction as they were at an instant, like those of `figures`, counted where the rows are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.enforcement import EnforcementState
from services.notifier.store import held
from services.notifier.store.figures import Figures, count_unknown, unilateral
from services.notifier.store.keys import of_places
from services.notifier.store.versions_at import answers_at, answers_to, versions_at
from services.notifier.tables import withholding_history, withholdings
from shared.ids import Jurisdiction


async def figures_at(connection: AsyncConnection, places: Sequence[Jurisdiction], at: datetime) -> Figures:
    found = Figures()
    versions, answers = versions_at(at, of_places(places)), answers_at(at, of_places(places))
    by_state = select(versions.c.jurisdiction, versions.c.state, func.count()).group_by(versions.c.jurisdiction, versions.c.state)
    for place, state, number in await connection.execute(by_state):
        found.states[place, state] = number
    for table in (withholdings, withholding_history):
        for place, number in await connection.execute(_unilateral_by(table, places, at)):
            found.unilateral_releases[place] += number
    answered = (
        select(answers.c.jurisdiction, answers.c.state, func.count())
        .join(versions, answers_to(answers, versions))
        .group_by(answers.c.jurisdiction, answers.c.state)
    )
    for place, state, number in await connection.execute(answered):
        found.enforcements[place, state] = number
    await count_unknown(connection, found, versions, await held.held_among(connection, places, at))
    return found


async def answers_due_at(
    connection: AsyncConnection, places: Sequence[Jurisdiction], at: datetime
) -> dict[Jurisdiction, datetime]:
    """When the next answer of a point was due in each jurisdiction, as it looked then."""
    versions, answers = versions_at(at, of_places(places)), answers_at(at, of_places(places))
    waiting = (
        select(answers.c.jurisdiction, func.min(answers.c.due_at))
        .join(versions, answers_to(answers, versions))
        .where(answers.c.state == EnforcementState.PENDING.value, answers.c.due_at.is_not(None))
        .group_by(answers.c.jurisdiction)
    )
    return {Jurisdiction(place): due_at for place, due_at in await connection.execute(waiting)}


def _unilateral_by(table: Table, places: Sequence[Jurisdiction], at: datetime) -> Select[Any]:
    return unilateral(table).where(table.c.jurisdiction.in_(places), table.c.effective_at <= at)
