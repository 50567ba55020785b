"""Keys at their versions.

Promises: whoever got a key from `locked` is alone with it until the transaction ends; of two transactions that both bring the
first version of a key one is told to start again (`ConcurrentChange`).
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import RowMapping, and_, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.effect import Version, WithholdingState
from services.notifier.store import keys
from services.notifier.tables import withholding_history, withholdings
from shared.db import ConcurrentChange
from shared.ids import Jurisdiction, Key, Target, type_of
from shared.sql import in_chunks, upsert

_TOLD = ("version", "state", "cause", "directives", "effective_at", "due_at", "label", "epoch")


async def locked(connection: AsyncConnection, wanted: Iterable[Key]) -> dict[Key, Version]:
    """The present versions of the keys that are known."""
    found: dict[Key, Version] = {}
    for condition in keys.conditions(withholdings, wanted):
        statement = select(*withholdings.c).where(condition).order_by(withholdings.c.target).with_for_update()
        rows = (await connection.execute(statement)).mappings()
        found.update((version.key, version) for version in map(version_of, rows))
    return found


async def past(connection: AsyncConnection, wanted: Iterable[Key]) -> dict[Key, dict[int, Version]]:
    """The past versions of the keys, by number."""
    found: dict[Key, dict[int, Version]] = {}
    for condition in keys.conditions(withholding_history, wanted):
        rows = (await connection.execute(select(*withholding_history.c).where(condition))).mappings()
        for version in map(version_of, rows):
            found.setdefault(version.key, {})[version.number] = version
    return found


async def places_of(connection: AsyncConnection, targets: Collection[Target]) -> dict[Target, set[Jurisdiction]]:
    """Where each of the targets is, or ever was, withheld."""
    found: dict[Target, set[Jurisdiction]] = {}
    for chunk in in_chunks(sorted(targets)):
        statement = select(withholdings.c.target, withholdings.c.jurisdiction).where(withholdings.c.target.in_(chunk))
        for target, place in await connection.execute(statement):
            found.setdefault(Target(target), set()).add(Jurisdiction(place))
    return found


async def save(connection: AsyncConnection, versions: Sequence[Version], *, known: Collection[Key]) -> None:
    """Makes each the present version of its key. `known` are the keys that the caller got from `locked`."""
    await _insert([version for version in versions if version.key not in known], connection)
    await _update([version for version in versions if version.key in known], connection)


async def archive(connection: AsyncConnection, versions: Sequence[Version]) -> None:
    """Adds past versions; one that is there already stays as it is."""
    if versions:
        await connection.execute(
            upsert(connection, withholding_history).on_conflict_do_nothing(), [_row(version) for version in versions]
        )


async def forget_from(connection: AsyncConnection, key: Key, number: int) -> None:
    """Deletes past versions of the key from this number on."""
    history = withholding_history.c
    past = and_(history.jurisdiction == key.jurisdiction, history.target == key.target, history.version >= number)
    await connection.execute(delete(withholding_history).where(past))


async def forget(connection: AsyncConnection, key: Key) -> None:
    """Deletes all that is stored of the key."""
    for table in (withholdings, withholding_history):
        await connection.execute(delete(table).where(table.c.jurisdiction == key.jurisdiction, table.c.target == key.target))


async def _insert(versions: Sequence[Version], connection: AsyncConnection) -> None:
    if not versions:
        return
    statement = upsert(connection, withholdings).on_conflict_do_nothing().returning(withholdings.c.version)
    rows = [{**_row(version), "epoch": version.epoch, "target_type": type_of(version.key.target)} for version in versions]
    if len((await connection.execute(statement, rows)).all()) < len(rows):
        raise ConcurrentChange


async def _update(versions: Sequence[Version], connection: AsyncConnection) -> None:
    if not versions:
        return
    statement = (
        update(withholdings)
        .where(withholdings.c.jurisdiction == bindparam("of_jurisdiction"), withholdings.c.target == bindparam("of_target"))
        .values({name: bindparam(f"new_{name}", type_=withholdings.c[name].type) for name in _TOLD})
    )
    await connection.execute(statement, [_update_row(version) for version in versions])


def _row(version: Version) -> dict[str, Any]:
    return {
        "jurisdiction": version.key.jurisdiction,
        "target": version.key.target,
        "version": version.number,
        "state": version.state,
        "cause": version.cause,
        "directives": list(version.directives),
        "effective_at": version.effective_at,
        "due_at": version.due_at,
        "label": version.label,
    }


def _update_row(version: Version) -> dict[str, Any]:
    row = {**_row(version), "epoch": version.epoch}
    return {
        "of_jurisdiction": row["jurisdiction"],
        "of_target": row["target"],
        **{f"new_{name}": row[name] for name in _TOLD},
    }


def version_of(row: RowMapping) -> Version:
    return Version(
        key=Key(row["jurisdiction"], row["target"]),
        number=row["version"],
        state=WithholdingState(row["state"]),
        cause=row["cause"],
        directives=tuple(row["directives"]),
        effective_at=row["effective_at"],
        due_at=row["due_at"],
        label=row["label"],
        epoch=row.get("epoch") or 0,
    )
