"""Keys at the versions that they had at an instant, page by page, whatever changes meanwhile.

Promises: each key that had a version by then comes once, at the highest version that had taken effect by then. Both services read
tables of the same shape by it, so the same versions give the same answer in either. Each page is short, and read by itself.
Does not promise: a version that takes effect by then and is committed after its page was read. Ask about an instant that lies
further back than a transaction takes.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.digest import Digest
from shared.ids import Jurisdiction, Key, Target
from shared.sql import in_chunks

PER_PAGE = 2000

_TOLD = ("jurisdiction", "target", "version", "state", "effective_at")


class State(NamedTuple):
    jurisdiction: Jurisdiction
    target: Target
    version: int
    state: str

    @property
    def key(self) -> Key:
        return Key(self.jurisdiction, self.target)


class Versions(NamedTuple):
    """Where versions are kept: the latest of each key, and all that came before it."""

    latest: Table
    earlier: Table


async def digests_at(
    database: Database, versions: Versions, at: datetime, *, place: Jurisdiction | None = None, per_page: int = PER_PAGE
) -> dict[Jurisdiction, Digest]:
    """What the keys of each jurisdiction, or of this one, came to then. Without those that had no key."""
    found: dict[Jurisdiction, Digest] = {}
    async for page in pages_at(database, versions, at, place=place, per_page=per_page):
        for state in page:
            found.setdefault(state.jurisdiction, Digest()).add(str(state.key), state.version, state.state)
    return found


async def pages_at(
    database: Database, versions: Versions, at: datetime, *, place: Jurisdiction | None = None, per_page: int = PER_PAGE
) -> AsyncIterator[Sequence[State]]:
    """Pages in the order of the table's key, each read by itself."""
    order = list(versions.latest.primary_key.columns)
    statement = select(*(versions.latest.c[name] for name in _TOLD)).order_by(*order).limit(per_page)
    if place is not None:
        statement = statement.where(versions.latest.c.jurisdiction == place)
    after: ColumnElement[bool] | None = None
    while True:
        wanted = statement if after is None else statement.where(after)
        rows, page = await database.read(lambda connection, wanted=wanted: _page(connection, versions, wanted, at))  # type: ignore[misc]
        yield page
        if len(rows) < per_page:
            return
        after = tuple_(*order) > tuple_(*(rows[-1][column.name] for column in order))


async def _page(
    connection: AsyncConnection, versions: Versions, wanted: Select[Any], at: datetime
) -> tuple[Sequence[Any], list[State]]:
    rows = (await connection.execute(wanted)).mappings().all()
    changed = [row for row in rows if row["effective_at"] > at]
    before = await states_before(connection, versions.earlier, [_state(row).key for row in changed], at)
    return rows, [_state(row) for row in rows if row["effective_at"] <= at] + before


async def states_of(connection: AsyncConnection, versions: Versions, keys: Sequence[Key], at: datetime) -> dict[Key, State]:
    """Those of the keys that had a version by then."""
    latest = versions.latest
    rows = [row for chunk in _chunks(latest, keys) for row in (await connection.execute(_told(latest, chunk))).mappings()]
    changed = [_state(row).key for row in rows if row["effective_at"] > at]
    found = [_state(row) for row in rows if row["effective_at"] <= at]
    return {state.key: state for state in found + await states_before(connection, versions.earlier, changed, at)}


async def states_before(connection: AsyncConnection, earlier: Table, keys: Sequence[Key], at: datetime) -> list[State]:
    """Of those keys that have changed since, the highest version that had taken effect by then."""
    found: dict[Key, State] = {}
    for chunk in _chunks(earlier, keys):
        statement = _told(earlier, chunk, earlier.c.effective_at <= at).order_by(earlier.c.version)
        for row in (await connection.execute(statement)).mappings():
            state = _state(row)
            found[state.key] = state
    return list(found.values())


def _chunks(table: Table, keys: Sequence[Key]) -> Iterator[ColumnElement[bool]]:
    """Conditions that together select these keys, each for one statement."""
    places: dict[Jurisdiction, list[Target]] = {}
    for key in keys:
        places.setdefault(key.jurisdiction, []).append(key.target)
    for place, targets in places.items():
        for chunk in in_chunks(targets):
            yield and_(table.c.jurisdiction == place, table.c.target.in_(chunk))


def _told(table: Table, *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(*(table.c[name] for name in _TOLD)).where(*conditions)


def _state(row: Any) -> State:
    return State(row["jurisdiction"], row["target"], row["version"], row["state"])
