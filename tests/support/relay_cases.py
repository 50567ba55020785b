"""Stores for the relay, each with what their contract suite needs beside."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable, RowMapping, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.outbox import RELAY_TABLES
from services.blocklist.tables import outbox as outbox_rows
from services.blocklist.tables import relay_lanes, relay_members, system
from shared.db import Database
from shared.outbox.port import Batch, Hold, Progress, RelayStore
from shared.outbox.sql import SqlRelayStore
from shared.outbox.table import Lane, Row
from shared.topics import Topics
from tests.support.builders import NOON
from tests.support.fakes import FakeClock
from tests.support.relay_store import FakeRelayStore

TOPICS = Topics(prefix="test", partitions=2)
FIRST, SECOND = Lane(TOPICS.withholdings, 0), Lane(TOPICS.withholdings, 1)
CHECKPOINTS = [Lane(TOPICS.checkpoints, partition) for partition in range(2)]
A, B, C = "relay-a", "relay-b", "relay-c"
PLENTY = 100
LATER = NOON + timedelta(hours=1)


@dataclass
class Case:
    """A store; what another transaction does to what it stores; and a look at that."""

    store: RelayStore
    alone: RelayStore
    append: Callable[[Sequence[Row]], Awaitable[None]]
    pass_time: Callable[[timedelta], Awaitable[None]]
    forbid: Callable[[], None]
    restore: Callable[[int], Awaitable[None]]
    lane: Callable[[Lane], Awaitable[dict[str, Any]]]
    rows: Callable[[Lane], Awaitable[list[tuple[int | None, datetime | None, int | None]]]]

    async def queue(self, lane: Lane, *events: int) -> None:
        await self.append([Row(lane, "many", count, b"%d" % count) for count in events])

    async def held(self, owner: str = A, *, at_most: int = PLENTY) -> dict[Lane, Hold]:
        await self.store.beat(owner)
        return {hold.lane: hold for hold in await self.store.claim(owner, at_most)}

    async def batch(self, hold: Hold, owner: str = A, *, rows: int = PLENTY) -> Batch:
        (batch,) = await self.store.take(owner, [hold], rows)
        return batch

    async def mark(self, batch: Batch, owner: str = A, *, digest: str = "") -> bool:
        until = Progress(batch.since.sequence + sum(row.events for row in batch.rows), digest, 0, "")
        return await self.store.mark(owner, batch, until, offset=7, at=LATER)


def numbers(batch: Batch) -> list[tuple[int, int]]:
    return [(row.sequence, row.events) for row in batch.rows]


def fake_case() -> Case:
    clock = FakeClock()
    made = FakeRelayStore(TOPICS, clock, checkpoints="/test")
    alone = FakeRelayStore(TOPICS, clock, alone=True, lanes=made.lanes, members=made.members, rows=made.rows)

    async def append(rows: Sequence[Row]) -> None:
        made.append(rows)

    async def pass_time(time: timedelta) -> None:
        clock.advance(time)

    def forbid() -> None:
        made.allowed = False

    async def restore(epoch: int) -> None:
        made.system_epoch = epoch

    async def lane(which: Lane) -> dict[str, Any]:
        stored = made.lanes[which]
        return {
            "owner": stored.owner,
            "epoch": stored.epoch,
            "assigned": stored.assigned,
            "published": stored.progress.sequence,
            "digest": stored.progress.digest,
            "halted_at": stored.halted_at,
            "halted_reason": stored.halted_reason,
        }

    async def rows(which: Lane) -> list[tuple[int | None, datetime | None, int | None]]:
        return [(row.sequence, row.published_at, row.offset) for row in made.rows if row.row.lane == which]

    return Case(made, alone, append, pass_time, forbid, restore, lane, rows)


async def grow_older(database: Database, time: timedelta) -> None:
    """Everything that is stored is older by so much, which is the same to the database."""
    for table, columns in ((relay_lanes, ("lease_until", "checkpointed_at")), (relay_members, ("seen_at",))):
        keys = list(table.primary_key.columns)
        for row in await fetch(database, select(table)):
            older = {name: row[name] - time for name in columns if row[name] is not None}
            if older:
                await execute(database, update(table).where(*(key == row[key.name] for key in keys)).values(older))


async def execute(database: Database, statement: Executable) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(statement)

    await database.write(work)


async def fetch(database: Database, statement: Select[Any]) -> Sequence[RowMapping]:
    async def work(connection: AsyncConnection) -> Sequence[RowMapping]:
        found: Sequence[RowMapping] = (await connection.execute(statement)).mappings().all()
        return found

    return await database.read(work)


def sql_case(database: Database) -> Case:
    allowed = [True]

    async def may_publish(_connection: object) -> bool:
        return bool(allowed)

    async def append(rows: Sequence[Row]) -> None:
        await database.write(lambda connection: RELAY_TABLES.outbox.append(connection, rows, NOON))

    async def lane(which: Lane) -> dict[str, Any]:
        names = ("owner", "epoch", "assigned", "published", "digest", "halted_at", "halted_reason")
        columns = [relay_lanes.c[name] for name in names]
        return dict((await fetch(database, select(*columns).where(RELAY_TABLES.of(which))))[0])

    async def rows(which: Lane) -> list[tuple[int | None, datetime | None, int | None]]:
        columns = outbox_rows.c
        here = (columns.topic == which.topic, columns.partition == which.partition)
        wanted = select(columns.sequence, columns.published_at, columns.kafka_offset).where(*here).order_by(columns.id)
        return [(row["sequence"], row["published_at"], row["kafka_offset"]) for row in await fetch(database, wanted)]

    return Case(
        store=SqlRelayStore(database, RELAY_TABLES, TOPICS, checkpoints="/test", may_publish=may_publish),
        alone=SqlRelayStore(database, RELAY_TABLES, TOPICS, alone=True),
        append=append,
        pass_time=lambda time: grow_older(database, time),
        forbid=allowed.clear,
        restore=lambda epoch: execute(database, insert(system).values(id=1, epoch=epoch)),
        lane=lane,
        rows=rows,
    )
