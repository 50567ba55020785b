"""Published rows are kept until readers have passed them, and then for a while; no longer than a limit that has a name.

Promises
 1. A row is deleted only once it was published longer ago than `keep`, and either its reader has passed it, or it was published
    longer ago than `at_most`. Rows that wait are never deleted.
 2. Of each lane the oldest are deleted first, one after the other: what is kept is without holes.
 3. Each transaction deletes few rows, and one process deletes at a time.
Does not promise: to know what other readers than the one that is asked have passed. They have `at_most`, and the topics.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import Column, Table, and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import Clock
from shared.db import Database
from shared.logs import get_logger
from shared.outbox.sql.tables import RelayTables
from shared.outbox.table import Lane
from shared.tasks import pause

log = get_logger(__name__)

EVERY = timedelta(minutes=10)
ROWS_AT_ONCE = 200
LOCK = 0x67777075

Passed = Callable[[], Awaitable[Mapping[Lane, int]]]
"""The offset that the reader has come to in each lane. One that is missing is not known."""


@dataclass(frozen=True, slots=True)
class Policy:
    keep: timedelta
    at_most: timedelta


@dataclass(frozen=True, slots=True)
class Aged:
    """Rows of another table that are kept for a time and no longer."""

    key: Column[Any]
    at: Column[datetime]
    keep: timedelta

    @property
    def table(self) -> Table:
        return self.key.table


class PurgeMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.purged = Counter("geowithhold_outbox_purged", "Published events that are not kept any more.", registry=registry)
        self.failures = Counter("geowithhold_outbox_purge_failures", "Purges that ended in an error.", registry=registry)


class Purge:
    """`passed` is None where no reader is asked: then `keep` alone counts."""

    def __init__(
        self,
        *,
        database: Database,
        tables: RelayTables,
        policy: Policy,
        passed: Passed | None,
        clock: Clock,
        metrics: PurgeMetrics,
        also: Sequence[Aged] = (),
    ) -> None:
        self._database = database
        self._tables = tables
        self._policy = policy
        self._passed = passed
        self._clock = clock
        self._metrics = metrics
        self._also = also
        self._unnumbered_left = True

    async def run(self, stop: asyncio.Event) -> None:
        """Purges from time to time until told to stop. What fails is counted and tried again the next time."""
        while not await pause(stop, EVERY.total_seconds()):
            try:
                await self.run_once(stop)
            except Exception as error:  # noqa: BLE001 (nothing is lost by keeping more)
                self._metrics.failures.inc()
                log.warning("purge_failed", error=repr(error))

    async def run_once(self, stop: asyncio.Event | None = None) -> int:
        """Deletes what is not kept any more; how many rows of the outbox that was."""
        now = self._clock()
        passed = await self._passed() if self._passed else {}
        lanes = await self._database.read(self._lanes)
        steps = [lambda connection, lane=lane: self._oldest_of(connection, lane, passed.get(lane), now) for lane in lanes]
        deleted = sum([await self._all(step, stop) for step in steps])
        deleted += await self._all(lambda connection: self._unnumbered(connection, now), stop) if self._unnumbered_left else 0
        for aged in self._also:
            await self._all(lambda connection, aged=aged: _too_old(connection, aged, now), stop)  # type: ignore[misc]
        return deleted

    async def _lanes(self, connection: AsyncConnection) -> list[Lane]:
        columns = self._tables.lanes.c
        return [Lane(*row) for row in await connection.execute(select(columns.topic, columns.partition))]

    async def _all(self, step: Callable[[AsyncConnection], Awaitable[int]], stop: asyncio.Event | None) -> int:
        """Step by step, each a transaction, until one of them finds less than it may delete."""
        total = 0
        while not (stop and stop.is_set()):
            deleted = await self._database.write(lambda connection: _alone(connection, step), silent=True)
            total += deleted
            if deleted < ROWS_AT_ONCE:
                break
        return total

    async def _oldest_of(self, connection: AsyncConnection, lane: Lane, passed: int | None, now: datetime) -> int:
        columns = self._tables.outbox.table.c
        oldest = (
            select(columns.id, columns.events, columns.published_at, columns.kafka_offset)
            .where(columns.topic == lane.topic, columns.partition == lane.partition, columns.sequence.is_not(None))
            .order_by(columns.sequence)
            .limit(ROWS_AT_ONCE)
        )
        rows = (await connection.execute(oldest)).all()
        over = list(takewhile(lambda row: self._is_over(row.published_at, row.kafka_offset, passed, now), rows))
        return await self._delete(connection, over)

    def _is_over(self, published_at: datetime | None, offset: int | None, passed: int | None, now: datetime) -> bool:
        if published_at is None or published_at > now - self._policy.keep:
            return False
        if self._passed is None or published_at <= now - self._policy.at_most:
            return True
        return offset is not None and passed is not None and offset < passed

    async def _unnumbered(self, connection: AsyncConnection, now: datetime) -> int:
        """Rows that were published before there were numbers, until there are none. Nobody knows where they are: time counts."""
        columns = self._tables.outbox.table.c
        published = and_(columns.sequence.is_(None), columns.published_at.is_not(None))
        oldest = select(columns.id, columns.events, columns.published_at).where(published).order_by(columns.id)
        rows = (await connection.execute(oldest.limit(ROWS_AT_ONCE))).all()
        self._unnumbered_left = bool(rows)
        return await self._delete(connection, list(takewhile(lambda row: row.published_at <= now - self._policy.at_most, rows)))

    async def _delete(self, connection: AsyncConnection, rows: Sequence[Any]) -> int:
        table = self._tables.outbox.table
        if rows:
            await connection.execute(delete(table).where(table.c.id.in_([row.id for row in rows])))
            self._metrics.purged.inc(sum(row.events for row in rows))
        return len(rows)


async def _alone(connection: AsyncConnection, step: Callable[[AsyncConnection], Awaitable[int]]) -> int:
    """Does nothing while another process deletes."""
    if connection.dialect.name == "postgresql" and not await connection.scalar(select(func.pg_try_advisory_xact_lock(LOCK))):
        return 0
    return await step(connection)


async def _too_old(connection: AsyncConnection, aged: Aged, now: datetime) -> int:
    old = (await connection.scalars(select(aged.key).where(aged.at <= now - aged.keep).limit(ROWS_AT_ONCE))).all()
    if old:
        await connection.execute(delete(aged.table).where(aged.key.in_(old)))
    return len(old)
