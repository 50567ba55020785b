"""Which version of each key was present at an instant, and what the points that had to apply it had made of it by then.

Promises: for any past instant the same as the present rows said then, as far as it had been heard: by the times at which versions
took effect, points were asked, and reports say that something was done.
Does not promise: what points had to do with a version that was learnt only after a newer one; nobody was asked for that.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, Table, and_, case, func, literal, or_, select, union_all

from services.notifier.domain.enforcement import EnforcementState
from services.notifier.store.keys import Slice
from services.notifier.tables import (
    dropped_enforcements,
    enforcement_turns,
    enforcements,
    withholding_history,
    withholdings,
)

_TOLD = ("jurisdiction", "target", "version", "state", "cause", "directives", "effective_at", "due_at", "label")


def versions_at(at: datetime, wanted: Slice) -> Subquery:
    """The wanted keys at the version that was present then; without those that had none yet."""
    present = select(*(withholdings.c[name] for name in _TOLD)).where(wanted(withholdings), withholdings.c.effective_at <= at)
    newer = withholding_history.alias()
    overtaken = (
        select(newer.c.version)
        .where(_same_key(newer, withholding_history), newer.c.version > withholding_history.c.version, newer.c.effective_at <= at)
        .correlate(withholding_history)
        .exists()
    )
    past = (
        select(*(withholding_history.c[name] for name in _TOLD))
        .join(withholdings, _same_key(withholdings, withholding_history))
        .where(
            wanted(withholding_history),
            withholding_history.c.effective_at <= at,
            withholdings.c.effective_at > at,
            ~overtaken,
        )
    )
    return union_all(present, past).subquery("versions_at")


def versions_until(at: datetime, wanted: Slice) -> Subquery:
    """Every version of the wanted keys that had taken effect by then."""
    legs = [
        select(*(table.c[name] for name in _TOLD)).where(wanted(table), table.c.effective_at <= at)
        for table in (withholding_history, withholdings)
    ]
    return union_all(*legs).subquery("versions_until")


def answers_at(at: datetime, wanted: Slice) -> Subquery:
    """What was asked of points on the wanted keys by then, with the state in which each stood."""
    asked_at = func.coalesce(enforcements.c.asked_at, _asked_before_that_was_kept())
    standing = _answers(enforcements, at, enforcement_turns.c.dropped_at.is_(None)).where(wanted(enforcements), asked_at <= at)
    gone = dropped_enforcements
    dropped = _answers(gone, at, enforcement_turns.c.dropped_at == gone.c.dropped_at).where(
        wanted(gone), func.coalesce(gone.c.asked_at, gone.c.since) <= at, gone.c.dropped_at > at
    )
    return union_all(standing, dropped).subquery("answers_at")


def answers_to(answers: Subquery, versions: Subquery) -> ColumnElement[bool]:
    return and_(_same_key(answers, versions), answers.c.version == versions.c.version)


def _answers(table: Table, at: datetime, same_time: ColumnElement[bool]) -> Select[Any]:
    applied = table.c.applied_at <= at
    by_its_times = case(
        (applied, literal(EnforcementState.APPLIED.value)),
        (table.c.due_at <= at, literal(EnforcementState.OVERDUE.value)),
        else_=literal(EnforcementState.PENDING.value),
    )
    last_turn = (
        select(enforcement_turns.c.state)
        .where(
            _same_key(enforcement_turns, table),
            enforcement_turns.c.version == table.c.version,
            enforcement_turns.c.point == table.c.point,
            enforcement_turns.c.at <= at,
            same_time,
        )
        .order_by(enforcement_turns.c.id.desc())
        .limit(1)
        .correlate(table)
        .scalar_subquery()
    )
    return select(
        table.c.jurisdiction,
        table.c.target,
        table.c.version,
        table.c.point,
        func.coalesce(last_turn, by_its_times).label("state"),
        case((applied, table.c.applied_at)).label("applied_at"),
        table.c.due_at,
    )


def _asked_before_that_was_kept() -> ColumnElement[datetime]:
    """An answer that came early has no time limit, and nobody knows since when it counts unless it is current."""
    return case((or_(enforcements.c.current, enforcements.c.due_at.is_not(None)), enforcements.c.since))


def _same_key(one: Any, other: Any) -> ColumnElement[bool]:
    return and_(one.c.jurisdiction == other.c.jurisdiction, one.c.target == other.c.target)
