"""Who works on which lane: the statements of `LeaseStore`, each in a transaction that its caller has begun.

All that lock several lanes do so in one order, and none waits for another member: they never wait for each other in a circle.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, null, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.outbox.port import LEASE, Hold, Owner, Roll
from shared.outbox.sql.tables import RelayTables, database_now
from shared.outbox.table import LANES_CHANNEL, Lane
from shared.sql import upsert


async def ensure(connection: AsyncConnection, tables: RelayTables, lanes: Iterable[Lane]) -> None:
    """Every lane has its row: those that are named, and any other that something waits in."""
    waits = tables.outbox.table
    waiting = select(waits.c.topic, waits.c.partition).where(waits.c.published_at.is_(None)).distinct()
    named = {*lanes, *(Lane(*row) for row in await connection.execute(waiting))}
    rows = [{"topic": lane.topic, "partition": lane.partition} for lane in sorted(named)]
    if rows:
        await connection.execute(upsert(connection, tables.lanes).on_conflict_do_nothing(), rows)


async def beat(connection: AsyncConnection, tables: RelayTables, owner: Owner, *, alone: bool) -> Roll:
    await _seen(connection, tables, owner, alone=alone)
    lanes, members = tables.lanes, tables.members
    mine = lanes.c.owner == owner
    await _lock(connection, tables, mine)
    renewed = await connection.execute(
        update(lanes)
        .where(mine)
        .values(lease_until=database_now(connection, LEASE))
        .returning(lanes.c.topic, lanes.c.partition, lanes.c.epoch)
    )
    held = _holds(renewed)
    counts = select(
        select(func.count()).select_from(lanes).scalar_subquery(), select(func.count()).select_from(members).scalar_subquery()
    )
    counted = (await connection.execute(counts)).one()
    return Roll(held, counted[0], counted[1])


async def _seen(connection: AsyncConnection, tables: RelayTables, owner: Owner, *, alone: bool) -> None:
    """Members are those that gave a sign within the time of a lease; who is `alone` is the only one."""
    members, now = tables.members, database_now(connection)
    sign = upsert(connection, members).values(owner=owner, seen_at=now)
    await connection.execute(sign.on_conflict_do_update(index_elements=[members.c.owner], set_={"seen_at": now}))
    gone = members.c.owner != owner if alone else members.c.seen_at < database_now(connection, -LEASE)
    unlocked = select(members.c.owner).where(gone).with_for_update(skip_locked=True)  # one that is locked gives a sign just now
    await connection.execute(delete(members).where(members.c.owner.in_(unlocked)))


async def claim(connection: AsyncConnection, tables: RelayTables, owner: Owner, at_most: int, *, alone: bool) -> list[Hold]:
    """Lanes of one partition go together, so that the busy topics are spread over the members. `alone` asks no holder."""
    lanes = tables.lanes
    expired = or_(lanes.c.lease_until.is_(None), lanes.c.lease_until <= database_now(connection))
    free = or_(lanes.c.owner.is_(None), lanes.c.owner != owner if alone else expired)
    chosen = (
        select(lanes.c.topic, lanes.c.partition, lanes.c.epoch)
        .where(free)
        .order_by(lanes.c.partition, lanes.c.topic)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    holds = _holds(await connection.execute(chosen))
    if not holds:
        return []
    values = {"owner": owner, "epoch": lanes.c.epoch + 1, "lease_until": database_now(connection, LEASE)}
    await connection.execute(update(lanes).where(tables.any_of(holds)).values(values))
    return [Hold(hold.lane, hold.epoch + 1) for hold in holds]


async def give_up(connection: AsyncConnection, tables: RelayTables, owner: Owner, holds: Sequence[Hold]) -> None:
    await _free(connection, tables, and_(tables.lanes.c.owner == owner, tables.any_of(holds)))
    await _tell_others(connection)


async def leave(connection: AsyncConnection, tables: RelayTables, owner: Owner) -> None:
    """First the member, as in a sign of life."""
    await connection.execute(delete(tables.members).where(tables.members.c.owner == owner))
    await _free(connection, tables, tables.lanes.c.owner == owner)
    await _tell_others(connection)


async def _free(connection: AsyncConnection, tables: RelayTables, which: ColumnElement[bool]) -> None:
    await _lock(connection, tables, which)
    ended = {"owner": null(), "lease_until": database_now(connection)}
    await connection.execute(update(tables.lanes).where(which).values(ended))


async def _lock(connection: AsyncConnection, tables: RelayTables, which: ColumnElement[bool]) -> None:
    lanes = tables.lanes.c
    await connection.execute(select(lanes.topic).where(which).order_by(lanes.topic, lanes.partition).with_for_update())


async def _tell_others(connection: AsyncConnection) -> None:
    """Who stands by need not wait for its next sign of life."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"NOTIFY {LANES_CHANNEL}"))


def _holds(rows: Iterable[Any]) -> tuple[Hold, ...]:
    return tuple(Hold(Lane(topic, partition), epoch) for topic, partition, epoch in rows)
