"""The items of directives, each as the highest revision that named it tells it: chunks may come late, and twice."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.case import Item
from services.notifier.tables import case_items
from shared.ids import DirectiveId
from shared.sql import upsert


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


def _row(item: Item) -> dict[str, Any]:
    return {column.name: getattr(item, column.name) for column in case_items.c} | {"jurisdictions": list(item.jurisdictions)}
