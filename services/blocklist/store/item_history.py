"""Items as they were: every version that there was, around a batch or at a moment."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select, union
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.batch import BatchId
from services.blocklist.domain.undo import Past
from services.blocklist.store.items import item_of
from services.blocklist.store.rows import Row, fetch_all
from services.blocklist.tables import item_history, items
from shared.ids import DirectiveId, Target

_columns = tuple(column.name for column in item_history.c)


async def around(connection: AsyncConnection, directive: DirectiveId, batch: BatchId) -> list[Past]:
    """Each item of the directive that the batch changed: before it, after it and since, in order of target."""
    touched = union(
        *(select(table.c.target).where(table.c.directive == directive, table.c.batch == batch) for table in (items, item_history))
    )
    versions: dict[Target, list[Row]] = defaultdict(list)
    for table in (item_history, items):
        statement = select(*(table.c[name] for name in _columns)).where(
            table.c.directive == directive, table.c.target.in_(touched)
        )
        for row in await fetch_all(connection, statement.order_by(table.c.target, table.c.version)):
            versions[row["target"]].append(row)
    return [_past(versions[target], batch) for target in sorted(versions)]


def _past(rows: Sequence[Row], batch: BatchId) -> Past:
    """`rows` are all versions of one item, in order, of which the batch made some, one after the other."""
    made = [position for position, row in enumerate(rows) if row["batch"] == batch]
    versions = [item_of(row) for row in rows]
    before = versions[made[0] - 1] if made[0] else None
    return Past(before=before, after=versions[made[-1]], since=tuple(versions[made[-1] + 1 :]))
