"""The items of a directive, with what was received for each and the claims that each makes."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Select, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.batch import BatchId
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import Claim, Item, ItemState, Standing
from services.blocklist.domain.selection import Selection
from services.blocklist.store.rows import Row, fetch_all
from services.blocklist.tables import item_history, items
from shared.ids import DirectiveId, Target
from shared.sql import in_chunks

_CLAIMS: Mapping[str, Claim] = {claim.value: claim for claim in (*Standing, *Cause)}

_columns = (items.c.target, items.c.state, items.c.cause, items.c.ground, items.c.claims, items.c.stayed, items.c.confirmed)
_CHANGING = ("state", "cause", "ground", "claims", "stayed", "confirmed")
_versioned = tuple(column.name for column in item_history.c)


async def add(
    connection: AsyncConnection,
    directive: DirectiveId,
    received: Mapping[Target, list[Any]],
    made: Sequence[Item],
    *,
    at: datetime,
    batch: BatchId | None,
    first_position: int = 1,
) -> None:
    """Stores the items of a new directive, in the order of the notice, each as version 1."""
    rows = [
        {
            "directive": directive,
            "target": item.target,
            "position": position,
            "received": received[item.target],
            "version": 1,
            "changed_at": at,
            "batch": batch,
            **_state(item),
        }
        for position, item in enumerate(made, start=first_position)
    ]
    await connection.execute(insert(items), rows)


async def select_items(connection: AsyncConnection, directive: DirectiveId, selection: Selection) -> list[Item]:
    """The selected items in order of target. Named targets that are not items of the directive are missing from the answer."""
    statement = select(*_columns).where(items.c.directive == directive).order_by(items.c.target)
    if selection == "undecided":
        statement = statement.where(items.c.state == ItemState.UNDECIDED)
    if isinstance(selection, str):
        return await _fetch(connection, statement)
    found: list[Item] = []
    for chunk in in_chunks(sorted(selection)):
        found += await _fetch(connection, statement.where(items.c.target.in_(chunk)))
    return found


async def save(
    connection: AsyncConnection, directive: DirectiveId, changed: Sequence[Item], *, at: datetime, batch: BatchId | None
) -> None:
    """Writes items that changed, each as its next version; what it replaces goes to the history. The caller holds the lock."""
    if not changed:
        return
    await _keep_versions(connection, directive, [item.target for item in changed])
    values = {name: bindparam(f"new_{name}", type_=items.c[name].type) for name in _CHANGING}
    statement = (
        update(items)
        .where(items.c.directive == directive, items.c.target == bindparam("key"))
        .values(version=items.c.version + 1, changed_at=at, batch=batch, **values)
    )
    rows = [{"key": item.target, **{f"new_{name}": value for name, value in _state(item).items()}} for item in changed]
    await connection.execute(statement, rows)


async def on_targets(connection: AsyncConnection, targets: Sequence[Target]) -> list[tuple[DirectiveId, Item, datetime]]:
    """Every item on these targets, each with the directive that it is of and the instant of its last change."""
    found: list[tuple[DirectiveId, Item, datetime]] = []
    for chunk in in_chunks(targets):
        rows = await fetch_all(
            connection, select(items.c.directive, *_columns, items.c.changed_at).where(items.c.target.in_(chunk))
        )
        found += [(row["directive"], item_of(row), row["changed_at"]) for row in rows]
    return found


async def last_position(connection: AsyncConnection, directive: DirectiveId) -> int:
    """The position of the last item of the directive's notice; 0 if it has none."""
    last = await connection.scalar(select(func.max(items.c.position)).where(items.c.directive == directive))
    return int(last or 0)


async def suspended(connection: AsyncConnection, targets: Sequence[Target]) -> list[tuple[DirectiveId, Target]]:
    """Which directives have stayed claims on these targets, as of now and without a lock."""
    found: list[tuple[DirectiveId, Target]] = []
    for chunk in in_chunks(targets):
        statement = select(items.c.directive, items.c.target).where(
            items.c.target.in_(chunk), items.c.stayed, items.c.state == ItemState.COMPLIED
        )
        found += [(row.directive, row.target) for row in await connection.execute(statement)]
    return found


async def has_unstayed(connection: AsyncConnection, directive: DirectiveId) -> bool:
    """Whether an open item of the directive is not stayed."""
    return await _has_open(connection, directive, items.c.stayed)


async def has_unconfirmed(connection: AsyncConnection, directive: DirectiveId) -> bool:
    """Whether an open item of the directive is not confirmed."""
    return await _has_open(connection, directive, items.c.confirmed)


async def _has_open(connection: AsyncConnection, directive: DirectiveId, but: Column[bool]) -> bool:
    closed = (ItemState.ENDED, ItemState.WITHDRAWN)
    statement = select(items.c.target).where(items.c.directive == directive, items.c.state.not_in(closed), but.is_(False))
    return (await connection.execute(statement.limit(1))).first() is not None


async def page(connection: AsyncConnection, directive: DirectiveId, *, decision: str | None, after: str, limit: int) -> list[Row]:
    """Items in order of target, with what was received for each."""
    statement = select(*items.c).where(items.c.directive == directive, items.c.target > after)
    if decision:
        states = [state for state in ItemState if state.word == decision]
        statement = statement.where(items.c.state.in_(states))
    return await fetch_all(connection, statement.order_by(items.c.target).limit(limit))


async def complied(connection: AsyncConnection, directive: DirectiveId, *, after: str, limit: int) -> list[tuple[Item, datetime]]:
    """Items that are complied with, in order of target, each with the instant of its last change."""
    columns = (*_columns, items.c.changed_at)
    statement = select(*columns).where(
        items.c.directive == directive, items.c.target > after, items.c.state == ItemState.COMPLIED
    )
    rows = await fetch_all(connection, statement.order_by(items.c.target).limit(limit))
    return [(item_of(row), row["changed_at"]) for row in rows]


async def count_others(connection: AsyncConnection, directive: DirectiveId, *, after: str, until: str | None) -> dict[str, int]:
    """How many items that are not complied with stand after one target, up to and with another, by state."""
    statement = select(items.c.state, func.count()).where(
        items.c.directive == directive, items.c.target > after, items.c.state != ItemState.COMPLIED
    )
    if until is not None:
        statement = statement.where(items.c.target <= until)
    found = await connection.execute(statement.group_by(items.c.state))
    return {row[0]: row[1] for row in found}


def claims_of(stored: Mapping[str, str]) -> dict[Any, Claim]:
    """What the claims column holds, as the domain says it."""
    return {place: _CLAIMS[claim] for place, claim in stored.items()}


def item_of(row: Row) -> Item:
    """An item from a row of `items` or of its history."""
    return Item(
        target=row["target"],
        state=ItemState(row["state"]),
        cause=Cause(row["cause"]) if row["cause"] else None,
        ground=row["ground"],
        claims=claims_of(row["claims"]),
        stayed=row["stayed"],
        confirmed=row["confirmed"],
    )


async def _keep_versions(connection: AsyncConnection, directive: DirectiveId, targets: Sequence[Target]) -> None:
    replaced = select(*(items.c[name] for name in _versioned)).where(items.c.directive == directive)
    for chunk in in_chunks(targets):
        await connection.execute(insert(item_history).from_select(_versioned, replaced.where(items.c.target.in_(chunk))))


async def _fetch(connection: AsyncConnection, statement: Select[Any]) -> list[Item]:
    return [item_of(row) for row in await fetch_all(connection, statement)]


def _state(item: Item) -> dict[str, Any]:
    return {name: dict(item.claims) if name == "claims" else getattr(item, name) for name in _CHANGING}
