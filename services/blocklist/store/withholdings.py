"""Withholdings by key: locked, settled, and their past versions.

Promises: whoever got a key from `locked` is alone with it until the transaction ends, keys never withheld before included: two
transactions that both make version 1 cannot both commit, the later one is told to start again (`ConcurrentChange`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, or_, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.withholding import Emitted, Kept, Settled, Withholding, WithholdingState
from services.blocklist.store.rows import Row, fetch_all
from services.blocklist.tables import withholding_history, withholdings
from shared.db import ConcurrentChange
from shared.ids import Jurisdiction, Key, Target, type_of
from shared.jurisdictions import lookup_keys
from shared.sql import in_chunks, upsert

_versioned = ("target", "jurisdiction", "version", "state", "cause", "directives", "effective_at", "due_at", "label")


async def locked(connection: AsyncConnection, keys: Iterable[Key]) -> dict[Key, Withholding]:
    """The keys that have ever been withheld, locked, in one order for everybody."""
    found: dict[Key, Withholding] = {}
    for place, targets in sorted(_by_jurisdiction(keys).items()):
        for chunk in in_chunks(targets):
            statement = (
                select(*withholdings.c)
                .where(withholdings.c.jurisdiction == place, withholdings.c.target.in_(chunk))
                .order_by(withholdings.c.target)
                .with_for_update()
            )
            rows = await fetch_all(connection, statement)
            found.update((value.key, value) for value in map(_withholding, rows))
    return found


async def claimed(connection: AsyncConnection, targets: Sequence[Target]) -> list[Withholding]:
    """What is withheld of these targets, anywhere, as of now and without a lock."""
    found: list[Withholding] = []
    for chunk in in_chunks(targets):
        statement = select(*withholdings.c).where(
            withholdings.c.target.in_(chunk), withholdings.c.state == WithholdingState.WITHHELD
        )
        found += map(_withholding, await fetch_all(connection, statement))
    return found


async def save(connection: AsyncConnection, settled: Sequence[Settled]) -> None:
    """Stores what `settle_all` returned for keys that the caller got from `locked`."""
    emitted = [outcome for outcome in settled if isinstance(outcome, Emitted)]
    await _insert_first([outcome.after for outcome in emitted if outcome.before is None], connection)
    later = [outcome for outcome in emitted if outcome.before is not None]
    if later:
        await connection.execute(
            insert(withholding_history), [_row(outcome.before, _versioned) for outcome in later if outcome.before]
        )
        await _update([outcome.after for outcome in later], connection)
    await _update([outcome.after for outcome in settled if isinstance(outcome, Kept)], connection)


async def bring(connection: AsyncConnection, present: Sequence[Withholding], past: Sequence[Withholding]) -> None:
    """Stores versions that were made elsewhere, as they are: those that are the latest of their keys, and earlier ones."""
    if past:
        rows = [_row(value, _versioned) for value in past]
        await connection.execute(upsert(connection, withholding_history).on_conflict_do_nothing(), rows)
    if present:
        statement = upsert(connection, withholdings)
        changed = {name: statement.excluded[name] for name in (*_versioned[2:], "claimants")}
        keyed = statement.on_conflict_do_update(index_elements=list(withholdings.primary_key.columns), set_=changed)
        await connection.execute(keyed, [_first_row(value) for value in present])


async def of_target(connection: AsyncConnection, target: Target) -> list[Row]:
    """The latest version of each of the target's keys."""
    statement = select(*withholdings.c).where(withholdings.c.target == target).order_by(withholdings.c.jurisdiction)
    return await fetch_all(connection, statement)


async def withheld_among(connection: AsyncConnection, place: Jurisdiction, targets: Sequence[Target]) -> set[Target]:
    """Which of the targets somebody in `place` must not see: withheld there, in its country, or worldwide."""
    found: set[Target] = set()
    for chunk in in_chunks(targets):
        statement = select(withholdings.c.target).where(
            withholdings.c.target.in_(chunk),
            withholdings.c.jurisdiction.in_(lookup_keys(place)),
            withholdings.c.state == WithholdingState.WITHHELD,
        )
        found.update((await connection.execute(statement)).scalars())
    return found


async def page(
    connection: AsyncConnection,
    *,
    place: Jurisdiction | None,
    state: str | None,
    target_type: str | None,
    after: tuple[str, str],
    limit: int,
) -> list[Row]:
    """Latest versions, in order of jurisdiction and target."""
    conditions: list[ColumnElement[bool]] = [_after((withholdings.c.jurisdiction, withholdings.c.target), after)]
    for column, value in (
        (withholdings.c.jurisdiction, place),
        (withholdings.c.state, state),
        (withholdings.c.target_type, target_type),
    ):
        if value is not None:
            conditions.append(column == value)
    statement = (
        select(*withholdings.c).where(and_(*conditions)).order_by(withholdings.c.jurisdiction, withholdings.c.target).limit(limit)
    )
    return await fetch_all(connection, statement)


async def history(
    connection: AsyncConnection, target: Target, *, place: Jurisdiction | None, after: tuple[str, int], limit: int
) -> list[Row]:
    """Every version of the target's keys, in order of jurisdiction and version."""
    both = union_all(
        select(*(withholdings.c[name] for name in _versioned)).where(withholdings.c.target == target),
        select(*(withholding_history.c[name] for name in _versioned)).where(withholding_history.c.target == target),
    ).subquery()
    statement = select(*both.c).where(_after((both.c.jurisdiction, both.c.version), after))
    if place is not None:
        statement = statement.where(both.c.jurisdiction == place)
    return await fetch_all(connection, statement.order_by(both.c.jurisdiction, both.c.version).limit(limit))


async def every_version(connection: AsyncConnection, keys: Iterable[Key]) -> dict[Key, list[Withholding]]:
    """All versions of each key that there are, in order. Locks the keys: none gets another version meanwhile."""
    present = await locked(connection, keys)
    found: dict[Key, list[Withholding]] = {key: [] for key in present}
    for place, targets in sorted(_by_jurisdiction(present).items()):
        for chunk in in_chunks(targets):
            past = (
                select(*withholding_history.c)
                .where(withholding_history.c.jurisdiction == place, withholding_history.c.target.in_(chunk))
                .order_by(withholding_history.c.target, withholding_history.c.version)
            )
            for row in await fetch_all(connection, past):
                version = _withholding({**row, "claimants": ()})
                found[version.key].append(version)
    for key, latest in present.items():
        found[key].append(latest)
    return found


async def counts(connection: AsyncConnection) -> dict[tuple[str, str], int]:
    """How many targets are withheld now, by jurisdiction and type; 0 where there were some before."""
    withheld = func.count().filter(withholdings.c.state == WithholdingState.WITHHELD)
    statement = select(withholdings.c.jurisdiction, withholdings.c.target_type, withheld).group_by(
        withholdings.c.jurisdiction, withholdings.c.target_type
    )
    return {(place, target_type): count for place, target_type, count in await connection.execute(statement)}


async def _insert_first(first: Sequence[Withholding], connection: AsyncConnection) -> None:
    if not first:
        return
    rows = [_first_row(value) for value in first]
    added = await connection.execute(
        upsert(connection, withholdings).on_conflict_do_nothing().returning(withholdings.c.target), rows
    )
    if len(added.all()) < len(rows):
        raise ConcurrentChange


async def _update(values: Sequence[Withholding], connection: AsyncConnection) -> None:
    if not values:
        return
    columns = (*_versioned[2:], "claimants")
    statement = (
        update(withholdings)
        .where(withholdings.c.target == bindparam("key_target"), withholdings.c.jurisdiction == bindparam("key_jurisdiction"))
        .values({name: bindparam(f"new_{name}", type_=withholdings.c[name].type) for name in columns})
    )
    await connection.execute(statement, [_update_row(value, columns) for value in values])


def _first_row(value: Withholding) -> dict[str, Any]:
    return {**_row(value, _versioned), "target_type": type_of(value.key.target), "claimants": sorted(value.claimants)}


def _update_row(value: Withholding, columns: Sequence[str]) -> dict[str, Any]:
    row = {**_row(value, _versioned), "claimants": sorted(value.claimants)}
    return {
        "key_target": value.key.target,
        "key_jurisdiction": value.key.jurisdiction,
        **{f"new_{name}": row[name] for name in columns},
    }


def _row(value: Withholding, names: Sequence[str]) -> dict[str, Any]:
    key = {"target": value.key.target, "jurisdiction": value.key.jurisdiction, "directives": list(value.directives)}
    return {name: key[name] if name in key else getattr(value, name) for name in names}


def _withholding(row: Row) -> Withholding:
    return Withholding(
        key=Key(row["jurisdiction"], row["target"]),
        version=row["version"],
        state=WithholdingState(row["state"]),
        cause=Cause(row["cause"]) if row["cause"] else None,
        claimants=frozenset(row["claimants"]),
        directives=tuple(row["directives"]),
        effective_at=row["effective_at"],
        due_at=row["due_at"],
        label=row["label"],
    )


def _by_jurisdiction(keys: Iterable[Key]) -> Mapping[Jurisdiction, list[Target]]:
    places: dict[Jurisdiction, list[Target]] = defaultdict(list)
    for place, target in sorted(keys):
        places[place].append(target)
    return places


def _after(columns: tuple[ColumnElement[Any], ColumnElement[Any]], position: tuple[Any, Any]) -> ColumnElement[bool]:
    first, second = columns
    return or_(first > position[0], and_(first == position[0], second > position[1]))
