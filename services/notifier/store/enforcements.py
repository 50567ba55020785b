"""What each point made of each version.

Promises: of one version at one point there is one row. Moves of many rows at once go by the same table of states as single ones.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, and_, bindparam, case, delete, func, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.enforcement import Enforcement, EnforcementFact, EnforcementState, open_to
from services.notifier.domain.points import Point
from services.notifier.store import keys, turns
from services.notifier.tables import dropped_enforcements, enforcement_turns, enforcements, waiting, withholdings
from shared.db import ConcurrentChange
from shared.ids import Jurisdiction, Key, PointId, Target
from shared.sql import Insert, in_chunks, upsert

_JUDGED = ("state", "applied_at", "reported_at", "detail")


class EnforcementId(NamedTuple):
    key: Key
    version: int
    point: PointId


async def find(
    connection: AsyncConnection, wanted: Iterable[Key], *, points: Collection[PointId]
) -> dict[EnforcementId, Enforcement]:
    """All that these points answered, or have to answer, on these keys."""
    found: dict[EnforcementId, Enforcement] = {}
    for condition in keys.conditions(enforcements, wanted):
        statement = select(*enforcements.c).where(condition, enforcements.c.point.in_(points))
        for enforcement in map(_enforcement, (await connection.execute(statement)).mappings()):
            found[id_of(enforcement)] = enforcement
    return found


async def save(connection: AsyncConnection, changed: Sequence[Enforcement], *, known: Collection[EnforcementId]) -> None:
    """Stores enforcements after a report. `known` are those that the caller got from `find`."""
    new = [enforcement for enforcement in changed if id_of(enforcement) not in known]
    if new:
        statement = upsert(connection, enforcements).on_conflict_do_nothing().returning(enforcements.c.version)
        if len((await connection.execute(statement, list(map(_row, new)))).all()) < len(new):
            raise ConcurrentChange
    judged = [enforcement for enforcement in changed if id_of(enforcement) in known]
    if judged:
        values = {name: bindparam(f"new_{name}", type_=enforcements.c[name].type) for name in _JUDGED}
        same = and_(*(column == bindparam(f"of_{column.name}") for column in enforcements.primary_key))
        await connection.execute(update(enforcements).where(same).values(values), list(map(_judged_row, judged)))


async def begin(connection: AsyncConnection, pending: Sequence[Enforcement]) -> None:
    """Asks for new versions: they become current as pending, or in the state that an early answer has left."""
    if pending:
        await connection.execute(_unless_asked(upsert(connection, enforcements)), list(map(_row, pending)))


async def overtake(connection: AsyncConnection, changed: Collection[Key]) -> None:
    """What is below the present versions of these keys is not current any more; what was not applied is superseded."""
    newer = (
        select(withholdings.c.version)
        .where(
            withholdings.c.jurisdiction == enforcements.c.jurisdiction,
            withholdings.c.target == enforcements.c.target,
            withholdings.c.version > enforcements.c.version,
        )
        .correlate(enforcements)
        .exists()
    )
    unfinished = enforcements.c.state.in_(open_to(EnforcementFact.OVERTAKEN))
    state = case((unfinished, literal(EnforcementState.SUPERSEDED.value)), else_=enforcements.c.state)
    for condition in keys.conditions(enforcements, changed):
        statement = update(enforcements).where(condition, newer, or_(enforcements.c.current, unfinished))
        await connection.execute(statement.values(current=False, state=state))


async def retire_above(connection: AsyncConnection, key: Key, version: int) -> None:
    """Asks for no version above this one any more: there is none."""
    c = enforcements.c
    unfinished = c.state.in_(open_to(EnforcementFact.OVERTAKEN))
    above = and_(c.jurisdiction == key.jurisdiction, c.target == key.target, c.version > version)
    state = case((unfinished, literal(EnforcementState.SUPERSEDED.value)), else_=c.state)
    await connection.execute(update(enforcements).where(above).values(current=False, state=state))


async def forget_from(connection: AsyncConnection, key: Key, version: int) -> None:
    """Deletes what points answered for versions from this one on: they are other versions now."""
    for table in (enforcements, dropped_enforcements, enforcement_turns):
        of_key = and_(table.c.jurisdiction == key.jurisdiction, table.c.target == key.target)
        await connection.execute(delete(table).where(of_key, table.c.version >= version))


async def begin_all(connection: AsyncConnection, point: Point, at: datetime) -> None:
    """Asks a point for the present version of every key in its scope; what it has answered already stays."""
    rows = select(
        withholdings.c.jurisdiction,
        withholdings.c.target,
        withholdings.c.version,
        literal(point.id),
        literal(EnforcementState.PENDING.value),
        literal(True),  # noqa: FBT003 (the column's value)
        literal(at, enforcements.c.since.type),
        literal(at, enforcements.c.asked_at.type),
        literal(at + point.ack_within, enforcements.c.due_at.type),
    ).where(withholdings.c.target_type.in_(point.target_types), withholdings.c.jurisdiction.in_(await _served(connection, point)))
    names = ["jurisdiction", "target", "version", "point", "state", "current", "since", "asked_at", "due_at"]
    await connection.execute(_unless_asked(upsert(connection, enforcements).from_select(names, rows)))


async def drop_outside(connection: AsyncConnection, point: Point, at: datetime) -> None:
    """Asks no more of a point than its scope: what is current outside it is past from now on."""
    of_type = or_(*(enforcements.c.target.startswith(f"{kind}:") for kind in sorted(point.target_types)))
    served = enforcements.c.jurisdiction.in_(await _served(connection, point))
    outside = or_(served.is_(False), of_type.is_(False))
    dropped = and_(enforcements.c.point == point.id, enforcements.c.current, outside)
    kept = [column for column in enforcements.c if column.name in dropped_enforcements.c]
    past = upsert(connection, dropped_enforcements).from_select(
        [*(column.name for column in kept), "dropped_at"],
        select(*kept, literal(at, dropped_enforcements.c.dropped_at.type)).where(dropped),
    )
    await connection.execute(past.on_conflict_do_nothing())
    await turns.drop(connection, dropped, at)
    await connection.execute(delete(enforcements).where(dropped))


async def run_out(connection: AsyncConnection, now: datetime, limit: int) -> list[Enforcement]:
    """Makes overdue what was due by now, at most `limit` of them, each once. Answers which."""
    due = select(*enforcements.primary_key).where(waiting, enforcements.c.due_at <= now)
    ids = (await connection.execute(due.order_by(enforcements.c.due_at).limit(limit))).all()
    found: list[Enforcement] = []
    for chunk in in_chunks(ids):
        statement = (
            update(enforcements)
            .where(waiting, tuple_(*enforcements.primary_key).in_(chunk))
            .values(state=EnforcementState.OVERDUE.value)
            .returning(*enforcements.c)
        )
        found += map(_enforcement, (await connection.execute(statement)).mappings())
    return found


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the next answer is due."""
    statement = select(enforcements.c.due_at).where(waiting, enforcements.c.due_at.is_not(None))
    return (await connection.execute(statement.order_by(enforcements.c.due_at).limit(1))).scalar()


def id_of(enforcement: Enforcement) -> EnforcementId:
    return EnforcementId(enforcement.key, enforcement.version, enforcement.point)


def _unless_asked(statement: Insert) -> Insert:
    """An answer that is there already becomes current; it counts as asked since the first time that it was."""
    asked_at = func.coalesce(enforcements.c.asked_at, statement.excluded.asked_at)
    return statement.on_conflict_do_update(
        index_elements=list(enforcements.primary_key.columns), set_={"current": True, "asked_at": asked_at}
    )


async def _served(connection: AsyncConnection, point: Point) -> list[Jurisdiction]:
    """The jurisdictions that have keys, and that the point has to do with. Few, so they are judged here, not in SQL."""
    places = await connection.execute(select(withholdings.c.jurisdiction).distinct())
    return [place for place in places.scalars() if point.serves(Jurisdiction(place))]


def _row(enforcement: Enforcement) -> dict[str, Any]:
    return {
        "jurisdiction": enforcement.key.jurisdiction,
        "target": enforcement.key.target,
        "version": enforcement.version,
        "point": enforcement.point,
        "state": enforcement.state,
        "current": enforcement.current,
        "since": enforcement.since,
        "asked_at": enforcement.asked_at,
        "due_at": enforcement.due_at,
        "applied_at": enforcement.applied_at,
        "reported_at": enforcement.reported_at,
        "detail": enforcement.detail,
    }


def _judged_row(enforcement: Enforcement) -> dict[str, Any]:
    row = _row(enforcement)
    of = {f"of_{column.name}": row[column.name] for column in enforcements.primary_key}
    return of | {f"new_{name}": row[name] for name in _JUDGED}


def _enforcement(row: RowMapping) -> Enforcement:
    return Enforcement(
        point=PointId(row["point"]),
        key=Key(Jurisdiction(row["jurisdiction"]), Target(row["target"])),
        version=row["version"],
        state=EnforcementState(row["state"]),
        current=row["current"],
        since=row["since"],
        asked_at=row["asked_at"],
        due_at=row["due_at"],
        applied_at=row["applied_at"],
        reported_at=row["reported_at"],
        detail=row["detail"],
    )
