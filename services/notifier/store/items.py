"""The items of directives, each as the highest revision that named it tells it: chunks may come late, and twice."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.case import Item, ItemId
from services.notifier.tables import case_item_history, case_items
from shared.ids import DirectiveId, Jurisdiction, Target
from shared.sql import in_chunks, upsert


async def present(connection: AsyncConnection, wanted: Iterable[ItemId]) -> dict[ItemId, Item]:
    """What is known of these items."""
    targets: dict[DirectiveId, set[Target]] = defaultdict(set)
    for directive, target in wanted:
        targets[directive].add(target)
    found: dict[ItemId, Item] = {}
    for directive, named in targets.items():
        for chunk in in_chunks(sorted(named)):
            statement = select(*case_items.c).where(case_items.c.directive == directive, case_items.c.target.in_(chunk))
            found |= {item.id: item for item in map(item_of, (await connection.execute(statement)).mappings())}
    return found


async def save(connection: AsyncConnection, items: Sequence[Item]) -> None:
    """Stores the items, each unless a higher revision has told of it already."""
    if not items:
        return
    statement = upsert(connection, case_items)
    told = (column.name for column in case_items.c if not column.primary_key)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(case_items.primary_key.columns),
            set_={name: statement.excluded[name] for name in told},
            where=statement.excluded.revision > case_items.c.revision,
        ),
        list(map(_row, items)),
    )


async def count_unilateral(
    connection: AsyncConnection, ids: Sequence[DirectiveId], *, at_most: int | None = None
) -> dict[DirectiveId, int]:
    """How many items of each directive the platform restored on its own decision; no more than `at_most` are counted."""
    found: dict[DirectiveId, int] = {}
    for id_ in ids:
        rows = select(case_items.c.target).where(case_items.c.directive == id_, case_items.c.unilateral).limit(at_most)
        found[id_] = (await connection.execute(select(func.count()).select_from(rows.subquery()))).scalar_one()
    return found


async def archive(connection: AsyncConnection, past: Sequence[Item]) -> None:
    """Adds what items were before; what is there already stays as it is."""
    if past:
        await connection.execute(upsert(connection, case_item_history).on_conflict_do_nothing(), list(map(_row, past)))


async def told_until(connection: AsyncConnection, ids: Sequence[DirectiveId], at: datetime) -> list[Item]:
    """All that was told of the items of these directives by then, in the order of the revisions."""
    found: list[Item] = []
    for table in (case_item_history, case_items):
        for chunk in in_chunks(ids):
            statement = select(*(table.c[column.name] for column in case_items.c)).where(
                table.c.directive.in_(chunk), table.c.changed_at <= at
            )
            found += map(item_of, (await connection.execute(statement)).mappings())
    return sorted(found, key=lambda item: item.revision)


def item_of(row: RowMapping) -> Item:
    """The item that a row of either table tells."""
    return Item(
        directive=DirectiveId(row["directive"]),
        target=Target(row["target"]),
        decision=row["decision"],
        jurisdictions=tuple(map(Jurisdiction, row["jurisdictions"])),
        cause=row["cause"],
        unilateral=row["unilateral"],
        revision=row["revision"],
        changed_at=row["changed_at"],
        ground=row["ground"],
        suspended=row["suspended"],
    )


def _row(item: Item) -> dict[str, Any]:
    return {column.name: getattr(item, column.name) for column in case_items.c} | {"jurisdictions": list(item.jurisdictions)}
