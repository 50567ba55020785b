"""The list of enforcements, filtered."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.enforcement import EnforcementState
from services.notifier.store.dialects import elements
from services.notifier.store.held import key_is_held
from services.notifier.tables import case_items, directive_scopes, directives, enforcements
from shared.ids import DirectiveId, Jurisdiction, PointId, Target

Position = tuple[str, str, int, str]
"""Jurisdiction, target, version and point of a row: the order of the list."""

BEGINNING: Position = ("", "", 0, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A sealed `directive` is one of which nothing has been heard, unless `sealed_too`. Enforcements name none."""

    jurisdiction: Jurisdiction | None = None
    point: PointId | None = None
    state: EnforcementState | None = None
    target: Target | None = None
    directive: DirectiveId | None = None
    sealed_too: bool = False


async def enforcements_page(connection: AsyncConnection, wanted: Filter, *, after: Position, limit: int) -> list[RowMapping]:
    """Enforcements of present versions; with the state `superseded`, of those that newer versions overtook."""
    order = enforcements.primary_key.columns
    conditions = [tuple_(*order) > tuple_(*after), *_conditions(connection, wanted)]
    unknown = key_is_held(enforcements).label("unknown")
    statement = select(*enforcements.c, unknown).where(and_(*conditions)).order_by(*order).limit(limit)
    return list((await connection.execute(statement)).mappings())


def _conditions(connection: AsyncConnection, wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, value in (
        (enforcements.c.jurisdiction, wanted.jurisdiction),
        (enforcements.c.point, wanted.point),
        (enforcements.c.state, wanted.state),
        (enforcements.c.target, wanted.target),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.state is not EnforcementState.SUPERSEDED:
        conditions.append(enforcements.c.current)
    if wanted.directive is not None:
        conditions.append(_of_directive(connection, wanted.directive))
        if not wanted.sealed_too:
            conditions.append(~select(directives.c.id).where(directives.c.id == wanted.directive, directives.c.sealed).exists())
    return conditions


def _of_directive(connection: AsyncConnection, directive: DirectiveId) -> ColumnElement[bool]:
    """On the directive's targets, where it asks for something or where its item is claimed."""
    asked = select(directive_scopes.c.jurisdiction).where(directive_scopes.c.directive == directive)
    claimed = elements(connection, case_items.c.jurisdictions)
    item = and_(case_items.c.directive == directive, case_items.c.target == enforcements.c.target)
    place: Any = claimed.c.value
    return or_(
        and_(
            enforcements.c.jurisdiction.in_(asked),
            select(case_items.c.target).where(item).correlate(enforcements).exists(),
        ),
        select(case_items.c.target).where(item, place == enforcements.c.jurisdiction).correlate(enforcements).exists(),
    )
