"""Bugs planted on purpose, by name: each patches the product inside a process of the fault suite, before it runs.

They are what a suite that proves anything must find. Each names the faults under which it shows, so that a short run does.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist import schemas
from services.blocklist.api import intake
from services.notifier.consumer import batch as consumer_batch
from services.notifier.consumer.inbox import StoredInbox
from services.notifier.consumer.numbers import follow, keep
from services.notifier.consumer.records import Consumed, Partition
from services.notifier.domain.effect import Applies
from services.notifier.domain.stream import Walk
from services.notifier.handlers import withholdings
from services.notifier.handlers.unit import Unit
from services.notifier.store import offsets
from services.notifier.store.offsets import Progress
from shared.clock import system_clock
from shared.db import Database
from shared.http.fields import read_jurisdictions
from shared.outbox.batches import as_sent, events_of, progress_after
from shared.outbox.port import Hold, Roll
from shared.outbox.publisher import KafkaPublisher
from shared.outbox.relay import Relay, Turn
from shared.outbox.sql import lanes, leases
from shared.outbox.sql.tables import RelayTables, database_now
from shared.outbox.table import Lane
from shared.steps import Step, reached
from shared.topics import COMPACTION_LAG


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`only` is a part of the names of the faults in whose company the bug shows; none for a bug that needs no fault.

    `rare` is one whose harm readers undo almost always: the simulation finds it, a short run need not.
    """

    plant: Callable[[], None]
    only: str | None = None
    rare: bool = False


def cursor_relay() -> None:
    """Reads by `id > last seen`: a row that becomes visible late is never sent."""
    number = lanes._number

    async def after_the_last_seen(connection: AsyncConnection, tables: RelayTables, lane: lanes.Locked, limit: int) -> Any:
        table = tables.outbox.table
        here = (table.c.topic == lane.hold.lane.topic, table.c.partition == lane.hold.lane.partition)
        seen = select(func.coalesce(func.max(table.c.id), 0)).where(*here, table.c.sequence.is_not(None)).scalar_subquery()
        passed = update(table).where(*here, table.c.sequence.is_(None), table.c.published_at.is_(None), table.c.id < seen)
        await connection.execute(passed.values(published_at=database_now(connection)))
        return await number(connection, tables, lane, limit)

    _patch(lanes, "_number", after_the_last_seen)


def skip_locked_rows() -> None:
    """Each relay takes the next row that no other one has, of any lane."""
    _without_leases()

    async def next_free_row(connection: AsyncConnection, tables: RelayTables, lane: lanes.Locked, _limit: int) -> Any:
        return await lanes._number(connection, tables, lane, 1)

    _patch(lanes, "_next_rows", next_free_row)


def two_owners() -> None:
    """Whoever works on a lane goes on with it, whatever the epoch."""
    _without_leases()


def mark_before_acknowledged() -> None:
    """What is about to be sent counts as published."""

    async def turn(self: Relay, batch: Any) -> Turn:
        events = events_of(batch, self._read)
        with suppress(Exception):
            await self._store.mark(self._owner, batch, progress_after(batch.since, events), offset=None, at=self._clock())
            reached(Step.ROWS_MARKED)
            await self._publisher.publish(batch.hold.lane, as_sent(batch, events))
        return Turn.MARKED

    _patch(Relay, "_turn", turn)


def ignored_send_error() -> None:
    """What the broker did not take counts as published."""
    publish = KafkaPublisher.publish

    async def whatever_happens(self: KafkaPublisher, lane: Any, records: Sequence[Any]) -> int | None:
        with suppress(Exception):
            return await publish(self, lane, records)
        return None

    _patch(KafkaPublisher, "publish", whatever_happens)


def commit_before_process() -> None:
    """How far the partition has come is stored first, the effect in a transaction of its own."""

    async def take(self: StoredInbox, partition: Partition, batch: Sequence[Consumed]) -> None:
        valid = await self._transactions.run(lambda unit: _pass(unit, partition, batch, self._topics))
        reached(Step.EFFECT_RECORDED)
        if valid:
            await self._transactions.run(lambda unit: consumer_batch.take_effect(unit, partition, valid, self._topics))

    _patch(StoredInbox, "take", take)


async def _pass(unit: Unit, partition: Partition, batch: Sequence[Consumed], topics: Any) -> Sequence[Consumed]:
    progress = await offsets.locked(unit.connection, *partition)
    fresh = [consumed for consumed in batch if consumed.offset >= progress.next_offset]
    if fresh:
        walk = Walk(progress.lane)
        valid = follow(walk, fresh, partition.topic, topics, system_clock() - COMPACTION_LAG)
        await keep(unit, partition, walk)
        await offsets.save(unit.connection, *partition, Progress(next_offset=fresh[-1].offset + 1, lane=walk.lane))
        return valid
    return []


def no_version_guard() -> None:
    """Whatever arrives last is the present state."""
    _patch(withholdings, "judge", lambda _known, _arrived: Applies(None))


def nowhere_is_everywhere() -> None:
    """An order without a jurisdiction is taken for one that is meant for everywhere."""
    read = read_jurisdictions
    schemas.DirectiveIn.model_fields["jurisdictions"].annotation = list[str]
    schemas.DirectiveIn.model_fields["jurisdictions"].metadata = []
    schemas.DirectiveIn.model_rebuild(force=True)
    _patch(intake, "read_jurisdictions", lambda codes, **more: read(codes or ["IN", "DE", "FR", "BR"], **more))


def one_of_many() -> None:
    """Of all jurisdictions the first one is checked."""
    check = intake._check_reach
    _patch(intake, "_check_reach", lambda authority, asked: check(authority, asked[:1]))


def asynchronous_commit() -> None:
    """PostgreSQL answers before the commit is on disk."""
    write = Database._write_once

    async def carelessly(self: Database, work: Callable[[AsyncConnection], Awaitable[Any]], **how: Any) -> Any:
        async def hurried(connection: AsyncConnection) -> Any:
            await connection.execute(text("SET LOCAL synchronous_commit TO off"))
            return await work(connection)

        return await write(self, hurried, **how)

    _patch(Database, "_write_once", carelessly)


def _without_leases() -> None:
    """Every relay holds every lane, and nobody asks for an epoch."""

    async def beat(connection: AsyncConnection, tables: RelayTables, _owner: str, *, alone: bool) -> Roll:
        every = await connection.execute(select(tables.lanes.c.topic, tables.lanes.c.partition, tables.lanes.c.epoch))
        holds = tuple(Hold(Lane(topic, partition), epoch) for topic, partition, epoch in every)
        return Roll(holds, len(holds), 1)

    async def claim(*_: Any, **__: Any) -> list[Hold]:
        return []

    def waiting(tables: RelayTables, _owner: str, holds: Sequence[Hold]) -> Any:
        return tables.any_of(holds)

    _patch(leases, "beat", beat)
    _patch(leases, "claim", claim)
    _patch(lanes, "_waiting", waiting)
    _patch(RelayTables, "held", lambda self, _owner, hold: self.of(hold.lane))


def _patch(owner: Any, name: str, value: Any) -> None:
    getattr(owner, name)
    setattr(owner, name, value)


MUTANTS: Mapping[str, Mutant] = {
    "cursor-relay": Mutant(plant=cursor_relay),
    "skip-locked-rows": Mutant(plant=skip_locked_rows, only="kill -9"),
    "mark-before-acknowledged": Mutant(plant=mark_before_acknowledged, only="kill -9"),
    "commit-before-process": Mutant(plant=commit_before_process, only="kill -9"),
    "no-version-guard": Mutant(plant=no_version_guard, only="record"),
    "nowhere-is-everywhere": Mutant(plant=nowhere_is_everywhere),
    "one-of-many": Mutant(plant=one_of_many),
    "asynchronous-commit": Mutant(plant=asynchronous_commit, only="PostgreSQL"),
    "ignored-send-error": Mutant(plant=ignored_send_error, only="broker"),
    "two-owners": Mutant(plant=two_owners, only="kill -9", rare=True),
}
