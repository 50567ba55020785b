"""The clocks of directives, and what happened that they follow from.

Promises: one row for each duty of a directive, and `next_at` in it as `next_at` of the rules says, so that the queue is right.
Would break it: writing the table elsewhere.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, Select, and_, bindparam, not_, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.clocks import MET_BY_ITEMS, Clock, ClockState, Duty, Trigger, next_at
from services.notifier.domain.course import Happened, Happening
from services.notifier.tables import clock_facts, clock_history, clocks, directives, open_clock, queued
from shared.ids import DirectiveId
from shared.sql import in_chunks, upsert

_SAME_CLOCK = and_(clocks.c.directive == bindparam("of_directive"), clocks.c.duty == bindparam("of_duty"))

Found = dict[DirectiveId, dict[Duty, Clock]]


async def add_happenings(connection: AsyncConnection, found: Iterable[Happening]) -> list[Happening]:
    """Stores what happened, and gives what was not known."""
    by_key = {(each.directive, each.revision, each.what): each for each in found}
    if not by_key:
        return []
    statement = upsert(connection, clock_facts).on_conflict_do_nothing().returning(*clock_facts.primary_key.columns)
    added = (await connection.execute(statement, [asdict(each) for each in by_key.values()])).all()
    return [by_key[DirectiveId(directive), revision, Happened(what)] for directive, revision, what in added]


async def happenings(connection: AsyncConnection, ids: Collection[DirectiveId]) -> dict[DirectiveId, list[Happening]]:
    """All that is known to have happened to the directives."""
    found: dict[DirectiveId, list[Happening]] = {id_: [] for id_ in ids}
    for chunk in in_chunks(sorted(ids)):
        statement = select(*clock_facts.c).where(clock_facts.c.directive.in_(chunk))
        for row in (await connection.execute(statement)).mappings():
            found[row["directive"]].append(Happening(**{**row, "what": Happened(row["what"])}))
    return found


async def save(connection: AsyncConnection, changed: Sequence[tuple[DirectiveId, Clock]], at: datetime) -> None:
    """Stores clocks as they are now, and puts each where it belongs in the queue. Keeps how they were until this moment."""
    if not changed:
        return
    await _archive(connection, [(directive, clock.duty.value) for directive, clock in changed], at)
    statement = upsert(connection, clocks)
    values = {column.name: statement.excluded[column.name] for column in clocks.c if not column.primary_key}
    rows = sorted((_row(directive, clock, at) for directive, clock in changed), key=lambda row: (row["directive"], row["duty"]))
    await connection.execute(statement.on_conflict_do_update(index_elements=list(clocks.primary_key.columns), set_=values), rows)


async def requeue(connection: AsyncConnection, unchanged: Sequence[tuple[DirectiveId, Clock]]) -> None:
    """Puts clocks that a look has not changed back where they belong in the queue."""
    if unchanged:
        rows = [{"of_directive": directive, "of_duty": clock.duty, "at": next_at(clock)} for directive, clock in unchanged]
        at = bindparam("at", type_=clocks.c.next_at.type)
        await connection.execute(update(clocks).where(_SAME_CLOCK).values(next_at=at), rows)


async def due(connection: AsyncConnection, now: datetime, limit: int, *, judged: bool) -> list[tuple[DirectiveId, Clock]]:
    """Clocks that somebody has to look at now, the longest waiting first, and not those that somebody else has in hand.

    `judged` are those that items meet, and only those.
    """
    by_items = clocks.c.duty.in_(MET_BY_ITEMS)
    statement = (
        select(*clocks.c)
        .where(queued, clocks.c.next_at <= now, by_items if judged else not_(by_items))
        .order_by(clocks.c.next_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [(row["directive"], clock_of(row)) for row in (await connection.execute(statement)).mappings()]


async def locked(connection: AsyncConnection, ids: Collection[DirectiveId]) -> Found:
    """Like `of`; nobody else changes them until the transaction ends."""
    return await _found(connection, ids, select(*clocks.c).order_by(clocks.c.directive, clocks.c.duty).with_for_update())


async def look(connection: AsyncConnection, ids: Collection[DirectiveId], soon: Callable[[int], datetime]) -> None:
    """Asks for a look at the clocks that items meet, at the time that `soon` says for so many items, unless one comes sooner."""
    waiting = or_(clocks.c.next_at.is_(None), clocks.c.next_at > soon(0))
    judged = and_(clocks.c.duty.in_(MET_BY_ITEMS), open_clock)
    statement = (
        select(clocks.c.directive, clocks.c.duty, directives.c.counts["total"].as_integer())
        .join(directives, directives.c.id == clocks.c.directive)
        .where(judged, waiting)
        .order_by(clocks.c.directive, clocks.c.duty)
    )
    rows: list[dict[str, Any]] = []
    for chunk in in_chunks(sorted(ids)):
        found = await connection.execute(statement.where(clocks.c.directive.in_(chunk)))
        rows += [{"of_directive": directive, "of_duty": duty, "at": soon(total)} for directive, duty, total in found]
    if rows:
        at = bindparam("at", type_=clocks.c.next_at.type)
        later = or_(clocks.c.next_at.is_(None), clocks.c.next_at > at)
        await connection.execute(update(clocks).where(_SAME_CLOCK, open_clock, later).values(next_at=at), rows)


async def of(connection: AsyncConnection, ids: Collection[DirectiveId]) -> Found:
    """All clocks of the directives, in the order in which they fall due."""
    return await _found(connection, ids, select(*clocks.c).order_by(clocks.c.due_at, clocks.c.duty))


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When somebody has to look at a clock next."""
    statement = select(clocks.c.next_at).where(queued).order_by(clocks.c.next_at).limit(1)
    return (await connection.execute(statement)).scalar()


async def _found(connection: AsyncConnection, ids: Collection[DirectiveId], statement: Select[Any]) -> Found:
    found: Found = {id_: {} for id_ in ids}
    for chunk in in_chunks(sorted(ids)):
        for row in (await connection.execute(statement.where(clocks.c.directive.in_(chunk)))).mappings():
            found[row["directive"]][Duty(row["duty"])] = clock_of(row)
    return found


async def _archive(connection: AsyncConnection, wanted: Sequence[tuple[DirectiveId, str]], at: datetime) -> None:
    """What was stored at this very moment nobody has seen."""
    names = [column.name for column in clock_history.c]
    for chunk in in_chunks(wanted, per=2):
        past = select(*(clocks.c[name] for name in names)).where(
            tuple_(clocks.c.directive, clocks.c.duty).in_(chunk), clocks.c.changed_at < at
        )
        await connection.execute(upsert(connection, clock_history).from_select(names, past).on_conflict_do_nothing())


def _row(directive: DirectiveId, clock: Clock, at: datetime) -> dict[str, Any]:
    same: Mapping[str, Any] = {name: getattr(clock, name) for name in _SAME}
    times = {"paused_seconds": clock.paused.total_seconds(), "next_at": next_at(clock), "changed_at": at}
    return {"directive": directive, **same, **times}


_SAME = (
    "duty",
    "trigger",
    "state",
    "starts_at",
    "due_at",
    "verified",
    "pausable",
    "source",
    "met_at",
    "breached_at",
    "paused_at",
    "warned",
)


def clock_of(row: RowMapping) -> Clock:
    """The clock that a row tells, present or past."""
    same = {name: row[name] for name in _SAME}
    words = {"duty": Duty(row["duty"]), "trigger": Trigger(row["trigger"]), "state": ClockState(row["state"])}
    return Clock(**{**same, **words, "paused": timedelta(seconds=row["paused_seconds"])})
