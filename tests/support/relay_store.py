"""The relay's store in memory, held to the real one by a contract suite. Nothing in it waits, so that a simulation may use it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from shared.events import CheckpointMade, encode
from shared.outbox.port import (
    CHECKPOINT_ANYWAY,
    CHECKPOINT_EVERY,
    LEASE,
    Batch,
    Hold,
    Numbered,
    Owner,
    Progress,
    RelayStore,
    Roll,
)
from shared.outbox.table import Lane, Row, row_of
from shared.steps import Step, reached
from shared.topics import Topics


@dataclass
class StoredRow:
    id: int
    row: Row
    sequence: int | None = None
    published_at: datetime | None = None
    offset: int | None = None


@dataclass
class StoredLane:
    epoch: int = 0
    owner: Owner | None = None
    lease_until: datetime | None = None
    assigned: int = 0
    progress: Progress = field(default_factory=Progress)
    checkpointed: int = 0
    checkpointed_at: datetime | None = None
    halted_at: datetime | None = None
    halted_reason: str | None = None


@dataclass
class FakeRelayStore(RelayStore):
    """`now` is the database's clock; `allowed` what the switch says."""

    topics: Topics
    now: Callable[[], datetime]
    checkpoints: str | None = None
    alone: bool = False
    allowed: bool = True
    system_epoch: int = 1
    lanes: dict[Lane, StoredLane] = field(default_factory=dict)
    members: dict[Owner, datetime] = field(default_factory=dict)
    rows: list[StoredRow] = field(default_factory=list)
    ids: Iterable[int] = field(default_factory=lambda: count(1))

    def append(self, rows: Iterable[Row]) -> None:
        """As a transaction that commits at once."""
        self.rows += [StoredRow(next(iter(self.ids)), row) for row in rows]

    async def ensure(self, wanted: Iterable[Lane]) -> None:
        for lane in {*wanted, *(stored.row.lane for stored in self.rows)}:
            self.lanes.setdefault(lane, StoredLane())

    async def beat(self, owner: Owner) -> Roll:
        living = {member: seen for member, seen in self.members.items() if seen >= self.now() - LEASE and not self.alone}
        self.members = living | {owner: self.now()}
        held = [(lane, stored) for lane, stored in sorted(self.lanes.items()) if stored.owner == owner]
        for _, stored in held:
            stored.lease_until = self.now() + LEASE
        return Roll(tuple(Hold(lane, stored.epoch) for lane, stored in held), len(self.lanes), len(self.members))

    async def claim(self, owner: Owner, at_most: int) -> Sequence[Hold]:
        free = [lane for lane in sorted(self.lanes, key=lambda lane: (lane.partition, lane.topic)) if self._is_free(lane, owner)]
        for lane in free[:at_most]:
            stored = self.lanes[lane]
            stored.owner, stored.epoch, stored.lease_until = owner, stored.epoch + 1, self.now() + LEASE
        return [Hold(lane, self.lanes[lane].epoch) for lane in free[:at_most]]

    def _is_free(self, lane: Lane, owner: Owner) -> bool:
        stored = self.lanes[lane]
        expired = stored.lease_until is None or stored.lease_until <= self.now()
        return stored.owner is None or (stored.owner != owner if self.alone else expired)

    async def give_up(self, owner: Owner, holds: Sequence[Hold]) -> None:
        for hold in holds:
            if self._holds(owner, hold):
                self.lanes[hold.lane].owner, self.lanes[hold.lane].lease_until = None, self.now()

    async def leave(self, owner: Owner) -> None:
        await self.give_up(owner, [Hold(lane, stored.epoch) for lane, stored in self.lanes.items() if stored.owner == owner])
        self.members.pop(owner, None)

    def _holds(self, owner: Owner, hold: Hold) -> bool:
        stored = self.lanes[hold.lane]
        return (stored.owner, stored.epoch) == (owner, hold.epoch)

    async def take(self, owner: Owner, holds: Sequence[Hold], rows: int) -> Sequence[Batch]:
        if not self.allowed:
            return []
        held = sorted(hold for hold in holds if self._holds(owner, hold))
        batches = [batch for hold in held if (batch := self._batch(hold, rows)).rows]
        if batches:
            reached(Step.ROWS_READ)
        return batches

    def _batch(self, hold: Hold, limit: int) -> Batch:
        lane = self.lanes[hold.lane]
        if lane.assigned == lane.progress.sequence:
            self._number(hold.lane, lane, limit)
        ours = (stored for stored in self.rows if stored.row.lane == hold.lane)
        pending = [(stored.sequence, stored) for stored in ours if stored.sequence and stored.sequence > lane.progress.sequence]
        numbered = [
            Numbered(stored.id, sequence, stored.row.events, stored.row.form, stored.row.body)
            for sequence, stored in sorted(pending, key=lambda pair: pair[0])
        ]
        return Batch(hold, self.system_epoch, lane.progress, tuple(numbered))

    def _number(self, of: Lane, lane: StoredLane, limit: int) -> None:
        fresh = [stored for stored in self.rows if stored.row.lane == of and not (stored.sequence or stored.published_at)]
        for stored in sorted(fresh, key=lambda stored: stored.id)[:limit]:
            stored.sequence = lane.assigned + 1
            lane.assigned += stored.row.events

    async def mark(self, owner: Owner, batch: Batch, until: Progress, *, offset: int | None, at: datetime) -> bool:
        if not self._holds(owner, batch.hold):
            return False
        lane, ids = self.lanes[batch.hold.lane], {row.id for row in batch.rows}
        lane.progress, lane.halted_at, lane.halted_reason = until, None, None
        for stored in self.rows:
            if stored.id in ids:
                stored.published_at, stored.offset = at, offset
        return True

    async def halt(self, owner: Owner, hold: Hold, *, reason: str, at: datetime) -> None:
        if self._holds(owner, hold):
            lane = self.lanes[hold.lane]
            lane.halted_at, lane.halted_reason = lane.halted_at or at, reason

    async def checkpoint(self, owner: Owner, at: datetime) -> int:
        if self.checkpoints is None:
            return 0
        due = [
            (lane, stored) for lane, stored in sorted(self.lanes.items()) if stored.owner == owner and self._is_due(lane, stored)
        ]
        self.append([self._checkpoint(lane, stored, self.checkpoints, at) for lane, stored in due])
        for _, stored in due:
            stored.checkpointed, stored.checkpointed_at = stored.progress.sequence, self.now()
        return len(due)

    def _is_due(self, lane: Lane, stored: StoredLane) -> bool:
        if lane.topic == self.topics.checkpoints or not stored.progress.sequence:
            return False
        if stored.checkpointed_at is None:
            return True
        age, new = self.now() - stored.checkpointed_at, stored.progress.sequence > stored.checkpointed
        return age >= CHECKPOINT_ANYWAY or (new and age >= CHECKPOINT_EVERY)

    def _checkpoint(self, lane: Lane, stored: StoredLane, source: str, at: datetime) -> Row:
        progress, key = stored.progress, str(lane.partition)
        made = CheckpointMade(
            topic=lane.topic,
            partition=lane.partition,
            epoch=self.system_epoch,
            sequence=progress.sequence,
            count=progress.sequence - stored.checkpointed,
            digest=progress.digest,
            marked_sequence=progress.marked_sequence,
            marked_digest=progress.marked_digest,
            at=at,
        )
        id_ = f"{lane.topic}/{lane.partition}@{at.isoformat()}"
        record = encode(made, id=id_, source=source, subject=key, time=at)
        return row_of(Lane(self.topics.checkpoints, self.topics.partition_of(key)), record)
