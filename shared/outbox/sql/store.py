"""The relay's store: each of its operations is one transaction, that no other is told of."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.events import CheckpointMade, encode
from shared.outbox.port import Batch, Hold, Owner, Progress, RelayStore, Roll
from shared.outbox.sql import lanes, leases
from shared.outbox.sql.tables import Permission, RelayTables, always
from shared.outbox.table import Lane, Row, row_of
from shared.steps import Step, reached
from shared.topics import Topics

T = TypeVar("T")


class SqlRelayStore(RelayStore):
    """`alone` says that no other process can reach the database: whoever holds a lane there is dead, and nobody is asked.

    `checkpoints` says under which name checkpoints are told; None makes none.
    """

    def __init__(
        self,
        database: Database,
        tables: RelayTables,
        topics: Topics,
        *,
        checkpoints: str | None = None,
        alone: bool = False,
        may_publish: Permission = always,
    ) -> None:
        self._database = database
        self._tables = tables
        self._topics = topics
        self._source = checkpoints
        self._alone = alone
        self._may_publish = may_publish

    async def ensure(self, wanted: Iterable[Lane]) -> None:
        await self._write(lambda connection: leases.ensure(connection, self._tables, wanted))

    async def beat(self, owner: Owner) -> Roll:
        return await self._write(lambda connection: leases.beat(connection, self._tables, owner, alone=self._alone))

    async def claim(self, owner: Owner, at_most: int) -> Sequence[Hold]:
        return await self._write(lambda connection: leases.claim(connection, self._tables, owner, at_most, alone=self._alone))

    async def give_up(self, owner: Owner, holds: Sequence[Hold]) -> None:
        await self._write(lambda connection: leases.give_up(connection, self._tables, owner, holds))

    async def leave(self, owner: Owner) -> None:
        await self._write(lambda connection: leases.leave(connection, self._tables, owner))

    async def take(self, owner: Owner, holds: Sequence[Hold], rows: int) -> Sequence[Batch]:
        async def work(connection: AsyncConnection) -> Sequence[Batch]:
            if not await self._may_publish(connection):
                return []
            taken = await lanes.take(connection, self._tables, owner, holds, rows)
            if taken:
                reached(Step.ROWS_READ)
            return taken

        return await self._write(work)

    async def mark(self, owner: Owner, batch: Batch, until: Progress, *, offset: int | None, at: datetime) -> bool:
        return await self._write(
            lambda connection: lanes.mark(connection, self._tables, owner, batch, until, offset=offset, at=at)
        )

    async def halt(self, owner: Owner, hold: Hold, *, reason: str, at: datetime) -> None:
        await self._write(lambda connection: lanes.halt(connection, self._tables, owner, hold, reason=reason, at=at))

    async def checkpoint(self, owner: Owner, at: datetime) -> int:
        source = self._source
        if source is None:
            return 0

        async def work(connection: AsyncConnection) -> int:
            due = await lanes.checkpointed(connection, self._tables, owner, besides=self._topics.checkpoints)
            await self._tables.outbox.append(connection, [_checkpoint(self._topics, source, lane, at) for lane in due], at)
            return len(due)

        return await self._write(work)

    async def _write(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        return await self._database.write(work, silent=True)


def _checkpoint(topics: Topics, source: str, lane: lanes.Locked, at: datetime) -> Row:
    (topic, partition), reached_so_far = lane.hold.lane, lane.progress
    made = CheckpointMade(
        topic=topic,
        partition=partition,
        epoch=lane.system_epoch,
        sequence=reached_so_far.sequence,
        count=reached_so_far.sequence - lane.checkpointed,
        digest=reached_so_far.digest,
        marked_sequence=reached_so_far.marked_sequence,
        marked_digest=reached_so_far.marked_digest,
        at=at,
    )
    subject = str(partition)
    record = encode(made, id=f"{topic}/{partition}@{at.isoformat()}", source=source, subject=subject, time=at)
    return row_of(Lane(topics.checkpoints, topics.partition_of(subject)), record)
