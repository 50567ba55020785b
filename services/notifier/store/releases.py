"""When what directives released took effect everywhere.

Promises: None for a directive of whose targets one is still withheld though nobody claims it any more, or released and not yet
applied at a point that has to, or whose items have not all told of their end; else the last instant at which a point applied
such a release, if any had to.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, not_, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.effect import WithholdingState
from services.notifier.domain.enforcement import EnforcementState
from services.notifier.store.dialects import holds
from services.notifier.tables import case_items, enforcements, withholdings
from shared.ids import DirectiveId
from shared.sql import in_chunks


async def released_at(
    connection: AsyncConnection, since: Mapping[DirectiveId, datetime], complied: Mapping[DirectiveId, int]
) -> dict[DirectiveId, datetime | None]:
    """Of each directive whose claims ended at that time at the earliest, and that has so many items complied with by now."""
    found: dict[DirectiveId, datetime | None] = dict(since)
    for chunk in in_chunks(sorted(since)):
        for id_, awaited, applied_at in await connection.execute(_releases(connection, chunk)):
            found[id_] = None if awaited else max(since[id_], applied_at or since[id_])
        for (id_,) in await connection.execute(_not_told(connection, chunk)):
            found[id_] = None
        for id_, number in await connection.execute(_complied(chunk)):
            found[id_] = None if number > complied[id_] else found[id_]
    return found


def _releases(connection: AsyncConnection, ids: Sequence[DirectiveId]) -> Any:
    """How many answers to present releases are awaited, and when the last one came."""
    unapplied = enforcements.c.state != EnforcementState.APPLIED.value
    return (
        select(case_items.c.directive, func.count(case((unapplied, 1))), func.max(enforcements.c.applied_at))
        .select_from(case_items)
        .join(withholdings, _ended(connection, WithholdingState.RELEASED))
        .join(
            enforcements,
            and_(
                enforcements.c.jurisdiction == withholdings.c.jurisdiction,
                enforcements.c.target == withholdings.c.target,
                enforcements.c.version == withholdings.c.version,
                enforcements.c.current,
            ),
        )
        .where(case_items.c.directive.in_(ids))
        .group_by(case_items.c.directive)
    )


def _not_told(connection: AsyncConnection, ids: Sequence[DirectiveId]) -> Any:
    """Directives of which a key is withheld that nobody claims any more: no order is promised between topics."""
    other = case_items.alias("other")
    claimed = and_(
        other.c.target == case_items.c.target,
        other.c.decision == "complied",
        not_(other.c.suspended),
        holds(connection, other.c.jurisdictions, withholdings.c.jurisdiction),
    )
    own = holds(connection, case_items.c.jurisdictions, withholdings.c.jurisdiction)
    return (
        select(case_items.c.directive)
        .select_from(case_items)
        .join(withholdings, _ended(connection, WithholdingState.WITHHELD))
        .where(
            case_items.c.directive.in_(ids),
            or_(case_items.c.suspended, not_(own)),
            not_(select(true()).select_from(other).where(claimed).correlate(case_items, withholdings).exists()),
        )
        .distinct()
    )


def _complied(ids: Sequence[DirectiveId]) -> Any:
    """More than the directive counts, as long as chunks of items are under way."""
    return (
        select(case_items.c.directive, func.count())
        .where(case_items.c.directive.in_(ids), case_items.c.decision == "complied")
        .group_by(case_items.c.directive)
    )


def _ended(connection: AsyncConnection, state: WithholdingState) -> ColumnElement[bool]:
    """A key in that state whose present version names the directive."""
    return and_(
        withholdings.c.target == case_items.c.target,
        withholdings.c.state == state.value,
        holds(connection, withholdings.c.directives, case_items.c.directive),
    )
