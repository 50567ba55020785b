"""The clocks of directives."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import RowMapping, and_, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.clocks import MET_BY_A_REPLY, Clock, Duty
from services.notifier.tables import clocks, running
from shared.ids import DirectiveId
from shared.sql import in_chunks, upsert


async def start(connection: AsyncConnection, started: Iterable[tuple[DirectiveId, Clock]]) -> None:
    """Starts clocks; of one that runs already only the time at which it falls due is taken over."""
    rows = [
        {
            "directive": directive,
            "duty": clock.duty,
            "starts_at": clock.starts_at,
            "due_at": clock.due_at,
            "verified": clock.verified,
        }
        for directive, clock in started
    ]
    if rows:
        statement = upsert(connection, clocks)
        moved = {"due_at": statement.excluded.due_at, "verified": statement.excluded.verified}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=list(clocks.primary_key.columns), set_=moved), rows
        )


async def renew(connection: AsyncConnection, renewed: Iterable[tuple[DirectiveId, Clock]]) -> None:
    """Sets clocks anew: what was met or breached before counted for the deadline before."""
    for directive, clock in renewed:
        await connection.execute(delete(clocks).where(clocks.c.directive == directive, clocks.c.duty == clock.duty))
        await start(connection, [(directive, clock)])


async def answered(connection: AsyncConnection, replies: Collection[tuple[DirectiveId, datetime]]) -> None:
    """A reply meets the clocks that ask for one; the earliest counts, whichever is told first."""
    if not replies:
        return
    at = bindparam("at", type_=clocks.c.met_at.type)
    statement = update(clocks).where(
        clocks.c.directive == bindparam("of_directive"),
        or_(*(clocks.c.duty == duty.value for duty in MET_BY_A_REPLY)),
        clocks.c.starts_at <= at,
        or_(clocks.c.met_at.is_(None), clocks.c.met_at > at),
    )
    await connection.execute(
        statement.values(met_at=at), [{"of_directive": directive, "at": sent_at} for directive, sent_at in replies]
    )


async def meet(connection: AsyncConnection, directive: DirectiveId, duties: Collection[Duty], at: datetime) -> None:
    """Marks clocks that are neither met nor breached as met."""
    where = and_(
        clocks.c.directive == directive, clocks.c.duty.in_(duties), clocks.c.met_at.is_(None), clocks.c.breached_at.is_(None)
    )
    await connection.execute(update(clocks).where(where).values(met_at=at))


async def breach(connection: AsyncConnection, directive: DirectiveId, duty: Duty, at: datetime) -> bool:
    """Records a breach, once: answers whether this call did."""
    where = and_(clocks.c.directive == directive, clocks.c.duty == duty, clocks.c.breached_at.is_(None))
    found = await connection.execute(update(clocks).where(where).values(breached_at=at).returning(clocks.c.duty))
    return found.first() is not None


async def run_out(connection: AsyncConnection, now: datetime, limit: int) -> list[tuple[DirectiveId, Clock]]:
    """Verified clocks that ran out and are neither met nor breached, the oldest first."""
    statement = select(*clocks.c).where(running, clocks.c.due_at <= now).order_by(clocks.c.due_at).limit(limit)
    return [(row["directive"], _clock(row)) for row in (await connection.execute(statement)).mappings()]


async def of(connection: AsyncConnection, ids: Sequence[DirectiveId]) -> dict[DirectiveId, list[Clock]]:
    """All clocks of the directives."""
    found: dict[DirectiveId, list[Clock]] = {id_: [] for id_ in ids}
    for chunk in in_chunks(ids):
        statement = select(*clocks.c).where(clocks.c.directive.in_(chunk)).order_by(clocks.c.due_at, clocks.c.duty)
        for row in (await connection.execute(statement)).mappings():
            found[row["directive"]].append(_clock(row))
    return found


async def next_due(connection: AsyncConnection) -> datetime | None:
    """When the next clock runs out."""
    statement = select(clocks.c.due_at).where(running).order_by(clocks.c.due_at).limit(1)
    return (await connection.execute(statement)).scalar()


def _clock(row: RowMapping) -> Clock:
    return Clock(
        duty=Duty(row["duty"]),
        starts_at=row["starts_at"],
        due_at=row["due_at"],
        verified=row["verified"],
        met_at=row["met_at"],
        breached_at=row["breached_at"],
    )
