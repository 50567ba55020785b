"""The items of a directive, with what was received for each and the claims that each makes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import Claim, Item, ItemState, Standing
from services.blocklist.domain.selection import Selection
from services.blocklist.store.rows import Row, fetch_all
from services.blocklist.tables import items
from shared.ids import DirectiveId, Target
from shared.sql import in_chunks

_CLAIMS: Mapping[str, Claim] = {claim.value: claim for claim in (*Standing, *Cause)}

_columns = (items.c.target, items.c.state, items.c.cause, items.c.ground, items.c.claims, items.c.stayed, items.c.confirmed)
_CHANGING = ("state", "cause", "ground", "claims", "stayed", "confirmed")


async def add(
    connection: AsyncConnection, directive: DirectiveId, received: Mapping[Target, list[Any]], made: Sequence[Item], at: datetime
) -> None:
    """Stores the items of a new directive, in the order of the notice."""
    rows = [
        {
            "directive": directive,
            "target": item.target,
            "position": position,
            "received": received[item.target],
            "changed_at": at,
            **_state(item),
        }
        for position, item in enumerate(made, start=1)
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


async def save(connection: AsyncConnection, directive: DirectiveId, changed: Iterable[Item], at: datetime) -> None:
    """Writes items that changed. The caller holds the directive's lock."""
    rows = [{"key": item.target, "at": at, **{f"new_{name}": value for name, value in _state(item).items()}} for item in changed]
    if not rows:
        return
    statement = update(items).where(items.c.directive == directive, items.c.target == bindparam("key"))
    values = {name: bindparam(f"new_{name}", type_=items.c[name].type) for name in _CHANGING}
    await connection.execute(statement.values(changed_at=bindparam("at", type_=items.c.changed_at.type), **values), rows)


async def page(connection: AsyncConnection, directive: DirectiveId, *, decision: str | None, after: str, limit: int) -> list[Row]:
    """Items in order of target, with what was received for each."""
    statement = select(*items.c).where(items.c.directive == directive, items.c.target > after)
    if decision:
        states = [state for state in ItemState if state.word == decision]
        statement = statement.where(items.c.state.in_(states))
    return await fetch_all(connection, statement.order_by(items.c.target).limit(limit))


def claims_of(stored: Mapping[str, str]) -> dict[Any, Claim]:
    """What the claims column holds, as the domain says it."""
    return {place: _CLAIMS[claim] for place, claim in stored.items()}


async def _fetch(connection: AsyncConnection, statement: Select[Any]) -> list[Item]:
    return [_item(row) for row in await fetch_all(connection, statement)]


def _item(row: Row) -> Item:
    return Item(
        target=row["target"],
        state=ItemState(row["state"]),
        cause=Cause(row["cause"]) if row["cause"] else None,
        ground=row["ground"],
        claims=claims_of(row["claims"]),
        stayed=row["stayed"],
        confirmed=row["confirmed"],
    )


def _state(item: Item) -> dict[str, Any]:
    return {name: dict(item.claims) if name == "claims" else getattr(item, name) for name in _CHANGING}
