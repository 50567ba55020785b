"""What became of the items of directives, counted where the rows are.

An item is enforced when every key that it claims is withheld and applied at every point that has to; a key that no point has to
apply keeps it from that. One that claims nothing that counts, of an `unblock` directive or stayed, is enforced once the releases
on its target are applied in all that its directive asks. All figures are of present versions.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, RowMapping, and_, case, func, literal, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.compliance import Effect
from services.notifier.domain.effect import WithholdingState
from services.notifier.domain.enforcement import EnforcementState
from services.notifier.store.dialects import elements, holds, length
from services.notifier.tables import case_items, directive_scopes, enforcements, withholdings
from shared.ids import WORLDWIDE, DirectiveId
from shared.sql import in_chunks


async def effects(connection: AsyncConnection, ids: Sequence[DirectiveId]) -> dict[DirectiveId, Effect]:
    """The effect of each of the directives."""
    found: dict[DirectiveId, dict[str, Any]] = {id_: {} for id_ in ids}
    for chunk in in_chunks(ids):
        for figures in (_claims(connection, chunk), _idle(connection, chunk), _releases(connection, chunk), _decisions(chunk)):
            for row in (await connection.execute(figures)).mappings():
                _add(found[row["directive"]], row)
    return {id_: Effect(**figures) for id_, figures in found.items()}


def _claims(connection: AsyncConnection, ids: Sequence[DirectiveId]) -> Any:
    """Figures of the items complied with, from one row per key held to one per item to one per directive."""
    items = _per_item(_per_key(connection, ids))
    scope = (
        select(directive_scopes.c.directive, func.count().label("places"))
        .where(directive_scopes.c.directive.in_(ids))
        .group_by(directive_scopes.c.directive)
        .cte("scope")
    )
    enforced = items.c.applied == items.c.claims
    return (
        select(
            items.c.directive,
            func.sum(_flag(enforced)).label("enforced"),
            func.sum(_flag(and_(enforced, items.c.asked == scope.c.places))).label("met"),
            func.sum(items.c.uncovered).label("uncovered"),
            func.sum(items.c.overdue).label("overdue"),
            func.max(items.c.applied_at).label("applied_at"),
        )
        .join(scope, scope.c.directive == items.c.directive)
        .group_by(items.c.directive)
    )


def _per_key(connection: AsyncConnection, ids: Sequence[DirectiveId]) -> CTE:
    """Each key that is claimed and withheld, with how many points have to apply it, and how many did."""
    answer, held = enforcements, withholdings
    claims = length(connection, case_items.c.jurisdictions)
    return (
        select(
            case_items.c.directive,
            case_items.c.target,
            held.c.jurisdiction,
            claims.label("claims"),
            func.count(answer.c.point).label("points"),
            _count(answer.c.state == EnforcementState.APPLIED.value).label("applied"),
            _count(answer.c.state == EnforcementState.OVERDUE.value).label("overdue"),
            func.max(answer.c.applied_at).label("applied_at"),
        )
        .select_from(case_items)
        .join(
            held, and_(held.c.target == case_items.c.target, holds(connection, case_items.c.jurisdictions, held.c.jurisdiction))
        )
        .outerjoin(answer, _answers_to_present())
        .where(
            case_items.c.directive.in_(ids),
            case_items.c.decision == "complied",
            case_items.c.suspended.is_(False),
            held.c.state == WithholdingState.WITHHELD.value,
        )
        .group_by(case_items.c.directive, case_items.c.target, held.c.jurisdiction, claims)
        .cte("keys")
    )


def _per_item(keys: CTE) -> CTE:
    asked = directive_scopes
    return (
        select(
            keys.c.directive,
            keys.c.target,
            keys.c.claims,
            func.count(asked.c.jurisdiction).label("asked"),
            _count(and_(keys.c.points > 0, keys.c.applied == keys.c.points)).label("applied"),
            func.max(_flag(keys.c.points == 0)).label("uncovered"),
            func.max(_flag(keys.c.overdue > 0)).label("overdue"),
            func.max(keys.c.applied_at).label("applied_at"),
        )
        .select_from(keys)
        .outerjoin(asked, and_(asked.c.directive == keys.c.directive, asked.c.jurisdiction == keys.c.jurisdiction))
        .group_by(keys.c.directive, keys.c.target, keys.c.claims)
        .cte("items")
    )


def _idle(connection: AsyncConnection, ids: Sequence[DirectiveId]) -> Any:
    """Figures of the items complied with that claim nothing, or nothing that counts."""
    nothing = or_(case_items.c.suspended, length(connection, case_items.c.jurisdictions) == 0)
    return (
        select(case_items.c.directive, func.count().label("enforced"), func.count().label("met"))
        .where(case_items.c.directive.in_(ids), case_items.c.decision == "complied", nothing, ~_awaits_release())
        .group_by(case_items.c.directive)
    )


def _awaits_release() -> ColumnElement[bool]:
    """Whether a point has not applied a release on the item's target, in or inside a place that its directive asks for."""
    place, asked = withholdings.c.jurisdiction, directive_scopes.c.jurisdiction
    inside = or_(asked == WORLDWIDE, place == asked, place.startswith(asked.concat("-")))
    return (
        select(literal(1))
        .select_from(enforcements)
        .join(withholdings, and_(_answers_to_present(), withholdings.c.state == WithholdingState.RELEASED.value))
        .join(directive_scopes, inside)
        .where(
            enforcements.c.state != EnforcementState.APPLIED.value,
            withholdings.c.target == case_items.c.target,
            directive_scopes.c.directive == case_items.c.directive,
        )
        .exists()
    )


def _releases(connection: AsyncConnection, ids: Sequence[DirectiveId]) -> Any:
    """Items with a release that a point has not applied yet, if it ended a claim of the directive, whatever was decided since.

    Begins with what points have not applied, which is little, and not with the items, which may be a million.
    """
    late = _flag(enforcements.c.state == EnforcementState.OVERDUE.value)
    ended = elements(connection, withholdings.c.directives)
    directive: ColumnElement[str] = ended.c.value
    items = (
        select(directive.label("directive"), withholdings.c.target, func.max(late).label("overdue"))
        .select_from(enforcements)
        .join(withholdings, and_(_answers_to_present(), withholdings.c.state == WithholdingState.RELEASED.value))
        .join(ended, true())
        .where(directive.in_(ids), enforcements.c.state != EnforcementState.APPLIED.value)
        .group_by(directive, withholdings.c.target)
        .cte("releasing")
    )
    return select(items.c.directive, func.count().label("releasing"), func.sum(items.c.overdue).label("overdue")).group_by(
        items.c.directive
    )


def _decisions(ids: Sequence[DirectiveId]) -> Any:
    return (
        select(
            case_items.c.directive,
            func.sum(_flag(case_items.c.unilateral)).label("unilateral"),
            func.min(case((case_items.c.unilateral, case_items.c.changed_at))).label("unilateral_at"),
            func.max(case_items.c.changed_at).label("decided_at"),
        )
        .where(case_items.c.directive.in_(ids))
        .group_by(case_items.c.directive)
    )


def _answers_to_present() -> ColumnElement[bool]:
    return and_(
        enforcements.c.jurisdiction == withholdings.c.jurisdiction,
        enforcements.c.target == withholdings.c.target,
        enforcements.c.version == withholdings.c.version,
        enforcements.c.current,
    )


def _flag(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))


def _add(figures: dict[str, Any], row: RowMapping) -> None:
    """Adds numbers up; an instant stands as it is."""
    for name in (name for name in row if name != "directive"):
        value = row[name]
        instant = value is None or isinstance(value, datetime)
        figures[name] = value if instant else figures.get(name, 0) + int(value)
