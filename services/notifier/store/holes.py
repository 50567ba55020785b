"""What is missing, one row per key and per directive, with the time of the next try to fetch it.

A row stands exactly as long as something is missing, so whoever fills a hole asks `close_complete` in the same transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, delete, func, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.holes import Hole
from services.notifier.store import keys
from services.notifier.store.waits import is_due
from services.notifier.tables import revision_holes, version_holes, withholding_history, withholdings
from shared.ids import DirectiveId, Key
from shared.sql import upsert


@dataclass(frozen=True, slots=True)
class OpenHole:
    """A hole that is due for a try; `of` says what it is in."""

    of: Key | DirectiveId
    hole: Hole
    attempts: int


async def note_versions(connection: AsyncConnection, found: Mapping[Key, Hole], at: datetime) -> None:
    """Records holes; one in a key that has a hole already widens it."""
    known: dict[Key, Hole] = {}
    for condition in keys.conditions(version_holes, found):
        for row in (await connection.execute(select(*version_holes.c).where(condition))).mappings():
            known[Key(row["jurisdiction"], row["target"])] = Hole(row["first"], row["last"])
    rows = [{**key._asdict(), **_columns(known.get(key), hole, at)} for key, hole in found.items()]
    await _upsert(connection, version_holes, rows)


async def note_revisions(connection: AsyncConnection, found: Mapping[DirectiveId, Hole], at: datetime) -> None:
    """Like `note_versions`, for the events of directives."""
    statement = select(*revision_holes.c).where(revision_holes.c.directive.in_(list(found)))
    rows = (await connection.execute(statement)).mappings()
    known = {row["directive"]: Hole(row["first"], row["last"]) for row in rows}
    await _upsert(
        connection,
        revision_holes,
        [{"directive": directive, **_columns(known.get(directive), hole, at)} for directive, hole in found.items()],
    )


async def close_complete(connection: AsyncConnection, filled: Collection[Key], *, asked_source: bool = False) -> bool:
    """Deletes the holes of those keys whose every version is there. Answers whether none of the keys has a hole any more.

    A hole of unknown end is only closed by somebody who has `asked_source` for all that there is.
    """
    past = select(func.count()).where(_same_key(withholding_history)).correlate(version_holes).scalar_subquery()
    present = select(withholdings.c.version - 1).where(_same_key(withholdings)).correlate(version_holes).scalar_subquery()
    complete = past == func.coalesce(present, 0)
    closable = complete if asked_source else and_(complete, version_holes.c.last.is_not(None))
    left = 0
    for condition in keys.conditions(version_holes, filled):
        await connection.execute(delete(version_holes).where(condition, closable))
        left += (await connection.execute(select(func.count()).select_from(version_holes).where(condition))).scalar_one()
    return left == 0


async def close(connection: AsyncConnection, key: Key) -> None:
    """Deletes the key's hole, whatever is missing."""
    await connection.execute(
        delete(version_holes).where(version_holes.c.jurisdiction == key.jurisdiction, version_holes.c.target == key.target)
    )


async def close_revisions(connection: AsyncConnection, directive: DirectiveId, hole: Hole) -> None:
    """Deletes the hole, unless it has grown in the meantime."""
    grown = or_(revision_holes.c.first < hole.first, revision_holes.c.last.is_distinct_from(hole.last))
    await connection.execute(delete(revision_holes).where(revision_holes.c.directive == directive, not_(grown)))


async def due(connection: AsyncConnection, now: datetime, limit: int) -> list[OpenHole]:
    """Holes to try again, those that wait longest first."""
    versions = await _due(connection, version_holes, now, limit)
    revisions = await _due(connection, revision_holes, now, limit)
    return [
        *(
            OpenHole(Key(row["jurisdiction"], row["target"]), Hole(row["first"], row["last"]), row["attempts"])
            for row in versions
        ),
        *(OpenHole(DirectiveId(row["directive"]), Hole(row["first"], row["last"]), row["attempts"]) for row in revisions),
    ]


async def postpone(connection: AsyncConnection, of: Key | DirectiveId, until: datetime) -> None:
    """Counts a try in vain."""
    table = version_holes if isinstance(of, Key) else revision_holes
    where = (
        and_(version_holes.c.jurisdiction == of.jurisdiction, version_holes.c.target == of.target)
        if isinstance(of, Key)
        else revision_holes.c.directive == of
    )
    await connection.execute(update(table).where(where).values(attempts=table.c.attempts + 1, next_try_at=until))


async def count(connection: AsyncConnection) -> int:
    """Keys and directives of which something is missing now."""
    counted = [select(func.count()).select_from(table).scalar_subquery() for table in (version_holes, revision_holes)]
    return int((await connection.execute(select(counted[0] + counted[1]))).scalar_one())


async def _due(connection: AsyncConnection, table: Table, now: datetime, limit: int) -> Sequence[Mapping[Any, Any]]:
    statement = select(*table.c).where(is_due(table.c.next_try_at, now)).order_by(table.c.next_try_at).limit(limit)
    return (await connection.execute(statement)).mappings().all()


async def _upsert(connection: AsyncConnection, table: Table, rows: Collection[dict[str, Any]]) -> None:
    if not rows:
        return
    statement = upsert(connection, table)
    changed = {name: statement.excluded[name] for name in ("first", "last", "attempts", "next_try_at")}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=changed), list(rows)
    )


def _columns(known: Hole | None, found: Hole, at: datetime) -> dict[str, Any]:
    hole = known.joined(found) if known else found
    return {"first": hole.first, "last": hole.last, "attempts": 0, "next_try_at": at}


def _same_key(table: Table) -> ColumnElement[bool]:
    return and_(table.c.jurisdiction == version_holes.c.jurisdiction, table.c.target == version_holes.c.target)
