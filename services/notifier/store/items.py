"""The items of directives, each as the highest revision that named it tells it: chunks may come late, and twice."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.case import Item
from services.notifier.tables import case_items
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


def _row(item: Item) -> dict[str, Any]:
    return {column.name: getattr(item, column.name) for column in case_items.c} | {"jurisdictions": list(item.jurisdictions)}
