"""What was withheld at a past moment, and which directives held it.

Promises: exact for every moment. A key or an item was then what its highest version changed by then says; changes at that very
instant count, and of several the last.
Does not promise: what came before a database kept the history of items. Would break it: a version stored with another time than
that of its transaction.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, func, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.item import Standing
from services.blocklist.store.rows import Row, fetch_all
from services.blocklist.tables import item_history, items, withholding_history, withholdings
from shared.ids import DirectiveId, Key, Target
from shared.sql import in_chunks


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Rows at their latest version, with the table that the earlier ones moved to."""

    latest: Table
    earlier: Table
    key: tuple[str, str]
    changed: str
    columns: tuple[str, ...]

    def at(self, at: datetime, *wanted: ColumnElement[bool]) -> tuple[Select[Any], Select[Any]]:
        """Rows whose latest version was there by then; and of the others, the highest that was. `wanted` is about the latest."""
        latest, earlier, other = self.latest.c, self.earlier.c, self.earlier.alias().c
        highest = select(func.max(other.version)).where(self._same(other, earlier), other[self.changed] <= at).scalar_subquery()
        present = select(*(latest[name] for name in self.columns)).where(latest[self.changed] <= at, *wanted)
        replaced = (
            select(*(earlier[name] for name in self.columns))
            .join(self.latest, self._same(latest, earlier))
            .where(latest[self.changed] > at, earlier.version == highest, *wanted)
        )
        return present, replaced

    def _same(self, some: Any, others: Any) -> ColumnElement[bool]:
        return and_(*(some[name] == others[name] for name in self.key))


_keys = _Kept(
    latest=withholdings,
    earlier=withholding_history,
    key=("jurisdiction", "target"),
    changed="effective_at",
    columns=tuple(column.name for column in withholding_history.c),
)
_items = _Kept(
    latest=items,
    earlier=item_history,
    key=("directive", "target"),
    changed="changed_at",
    columns=("directive", "target", "claims"),
)


async def page(
    connection: AsyncConnection,
    at: datetime,
    *,
    place: str | None,
    state: str | None,
    target_type: str | None,
    after: tuple[str, str],
    limit: int,
) -> list[Row]:
    """Every key that had been withheld by then, in order of jurisdiction and target, with its claimants of then."""
    wanted = [tuple_(withholdings.c.jurisdiction, withholdings.c.target) > tuple_(*after)]
    wanted += [withholdings.c.target_type == target_type] * (target_type is not None)
    wanted += [withholdings.c.jurisdiction == place] * (place is not None)
    present, replaced = (_limited(_in_state(found, state), limit) for found in _keys.at(at, *wanted))
    both = union_all(present, replaced).subquery()
    statement = select(*both.c).order_by(both.c.jurisdiction, both.c.target).limit(limit)
    return await _with_claimants(connection, await fetch_all(connection, statement), at)


async def of_target(connection: AsyncConnection, target: Target, at: datetime) -> list[Row]:
    """Each of the target's keys that had been withheld by then."""
    both = union_all(*_keys.at(at, withholdings.c.target == target)).subquery()
    rows = await fetch_all(connection, select(*both.c).order_by(both.c.jurisdiction))
    return await _with_claimants(connection, rows, at)


async def _with_claimants(connection: AsyncConnection, rows: Sequence[Row], at: datetime) -> list[Row]:
    claimants = await _claimants(connection, sorted({row["target"] for row in rows}), at)
    return [{**row, "claimants": sorted(claimants[Key(row["jurisdiction"], row["target"])])} for row in rows]


async def _claimants(connection: AsyncConnection, targets: Sequence[Target], at: datetime) -> dict[Key, set[DirectiveId]]:
    """Whose claims on these targets were live then."""
    found: dict[Key, set[DirectiveId]] = defaultdict(set)
    for chunk in in_chunks(targets):
        present, replaced = _items.at(at, items.c.target.in_(chunk))
        for row in [*await fetch_all(connection, present), *await fetch_all(connection, replaced)]:
            for place, claim in row["claims"].items():
                if claim == Standing.LIVE:
                    found[Key(place, row["target"])].add(row["directive"])
    return found


def _in_state(statement: Select[Any], state: str | None) -> Select[Any]:
    return statement if state is None else statement.where(statement.selected_columns["state"] == state)


def _limited(statement: Select[Any], limit: int) -> Select[Any]:
    """As a subquery: SQLite sorts and cuts no part of a union by itself."""
    columns = statement.selected_columns
    return select(*statement.order_by(columns["jurisdiction"], columns["target"]).limit(limit).subquery().c)
