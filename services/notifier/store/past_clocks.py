"""How clocks had been recorded at an instant. What was stored before the time of that was kept is taken to have held always."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import RowMapping, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.clocks import Duty
from services.notifier.store.clocks import Found, clock_of
from services.notifier.tables import clock_history, clocks
from shared.ids import DirectiveId
from shared.sql import in_chunks


async def clocks_at(connection: AsyncConnection, ids: Collection[DirectiveId], at: datetime) -> Found:
    """All clocks that the directives had then, in the order in which they fell due."""
    held: dict[tuple[str, str], RowMapping] = {}
    past = select(*clock_history.c).where(clock_history.c.changed_at <= at).order_by(clock_history.c.changed_at)
    present = select(*clocks.c).where(or_(clocks.c.changed_at.is_(None), clocks.c.changed_at <= at))
    for chunk in in_chunks(sorted(ids)):
        for statement in (past.where(clock_history.c.directive.in_(chunk)), present.where(clocks.c.directive.in_(chunk))):
            rows = (await connection.execute(statement)).mappings()
            held.update(((row["directive"], row["duty"]), row) for row in rows)
    found: Found = {id_: {} for id_ in ids}
    for row in sorted(held.values(), key=lambda row: (row["due_at"], row["duty"])):
        found[row["directive"]][Duty(row["duty"])] = clock_of(row)
    return found
