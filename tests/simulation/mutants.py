"""Bugs planted on purpose, by name. Each is put in by a function that answers how to take it out again.

A simulation that does not find them finds nothing.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from services.notifier.consumer.numbers import place_of
from services.notifier.consumer.records import Consumed, Partition
from services.notifier.domain import effect
from services.notifier.domain.effect import Applies, Known, Version
from services.notifier.domain.stream import Walk
from shared.events.chain import after
from shared.outbox.batches import as_sent, events_of, progress_after
from shared.outbox.port import Batch, Hold, Owner, Roll
from shared.outbox.relay import Relay, Turn
from shared.outbox.table import Lane
from shared.steps import Step, reached
from tests.simulation.broker import SimulatedPublisher
from tests.simulation.notifier import Mender, Partitioned, SimulatedInbox
from tests.simulation.weather import Chances, Misfortune
from tests.support.relay_store import FakeRelayStore, StoredLane

IN_HAND = 5.0
"""Seconds after which a row that nobody marked is anybody's again."""

TakeOut = Callable[[], None]
Plant = Callable[[], TakeOut]


def _replaced(owner: Any, **changed: Any) -> TakeOut:
    """Puts other attributes in the place of these."""
    before = {name: vars(owner)[name] for name in changed}
    for name, value in changed.items():
        setattr(owner, name, value)

    def take_out() -> None:
        for name, value in before.items():
            setattr(owner, name, value)

    return take_out


async def _all_hold_all(self: FakeRelayStore, owner: Owner) -> Roll:
    self.members[owner] = self.now()
    return Roll(tuple(Hold(lane, stored.epoch) for lane, stored in self.lanes.items()), len(self.lanes), 1)


_NO_LEASES: Mapping[str, Any] = {"_holds": lambda *_: True, "_is_free": lambda *_: True, "beat": _all_hold_all}


def _passed(stored: Partitioned, fresh: Sequence[Consumed]) -> Partitioned:
    """As if the records had had their effect."""
    walk = Walk(stored.lane)
    for consumed in fresh:
        walk.step(place_of(consumed.record), partial(after, record=consumed.record))
    return replace(stored, next_offset=fresh[-1].offset + 1, lane=walk.lane, gaps=stored.gaps + walk.gaps)


def cursor_relay() -> TakeOut:
    """Reads by `id > last seen`, and so passes over rows that become visible late."""
    seen: dict[tuple[int, Lane], int] = {}

    def number(self: FakeRelayStore, of: Lane, lane: StoredLane, limit: int) -> None:
        last = seen.get((id(self), of), 0)
        fresh = [row for row in self.rows if row.row.lane == of and row.sequence is None and row.id > last]
        for row in sorted(fresh, key=lambda row: row.id)[:limit]:
            row.sequence = lane.assigned + 1
            lane.assigned += row.row.events
            seen[id(self), of] = row.id

    return _replaced(FakeRelayStore, _number=number)


def skip_locked_rows() -> TakeOut:
    """Every relay takes whichever rows no other one has in its hands, whoever holds the lane."""
    original = FakeRelayStore._batch
    in_hand: set[tuple[int, int]] = set()

    def batch(self: FakeRelayStore, hold: Hold, limit: int) -> Batch:
        whole = original(self, hold, limit)
        free = [row for row in whole.rows if (id(self), row.id) not in in_hand][:1]
        for row in free:
            in_hand.add((id(self), row.id))
            asyncio.get_running_loop().call_later(IN_HAND, in_hand.discard, (id(self), row.id))
        return Batch(hold, whole.system_epoch, whole.since, tuple(free))

    return _replaced(FakeRelayStore, _batch=batch, **_NO_LEASES)


def two_owners() -> TakeOut:
    """Whoever once held a lane may go on with it, whatever the epoch."""
    return _replaced(FakeRelayStore, **_NO_LEASES)


def mark_before_acknowledged() -> TakeOut:
    """What is about to be sent counts as published."""

    async def turn(self: Relay, batch: Batch) -> Turn:
        events = events_of(batch, self._read)
        with suppress(Exception):
            await self._store.mark(self._owner, batch, progress_after(batch.since, events), offset=None, at=self._clock())
            await self._publisher.publish(batch.hold.lane, as_sent(batch, events))
        return Turn.MARKED

    return _replaced(Relay, _turn=turn)


def ignored_send_error() -> TakeOut:
    """What the broker did not take counts as published."""
    original = SimulatedPublisher.publish

    async def publish(self: SimulatedPublisher, lane: Lane, records: Sequence[Any]) -> int | None:
        with suppress(Exception):
            return await original(self, lane, records)
        return None

    return _replaced(SimulatedPublisher, publish=publish)


def commit_before_process() -> TakeOut:
    """How far the partition has come is stored first, its effect afterwards."""
    original = SimulatedInbox.take

    async def take(self: SimulatedInbox, partition: Partition, batch: Sequence[Consumed]) -> None:
        stored = self._projection.partitions[partition]
        fresh = [consumed for consumed in batch if consumed.offset >= stored.next_offset]
        if not fresh:
            return
        self._projection.partitions[partition] = _passed(stored, fresh)
        reached(Step.EFFECT_RECORDED)
        self._projection.partitions[partition] = stored
        await original(self, partition, batch)

    return _replaced(SimulatedInbox, take=take)


def no_version_guard() -> TakeOut:
    """Whatever arrives last is the present state."""

    def judge(_known: Known, _arrived: Version) -> Applies:
        return Applies(None)

    return _replaced(effect, judge=judge)


def no_checkpoints() -> TakeOut:
    """Nobody compares lanes with their checkpoints."""

    def audit(_self: Mender, stored: Partitioned) -> None:
        stored.verified = stored.lane.sequence

    return _replaced(Mender, _audit=audit)


@dataclass(frozen=True, slots=True)
class Mutant:
    """`chances` is the weather in which the bug shows soonest; None for any."""

    plant: Plant
    chances: Chances | None = None


MUTANTS: Mapping[str, Mutant] = {
    "cursor relay": Mutant(cursor_relay),
    "SKIP LOCKED per row": Mutant(skip_locked_rows),
    "two owners without an epoch": Mutant(two_owners),
    "mark before acknowledgement": Mutant(mark_before_acknowledged),
    "ignoring a send error": Mutant(ignored_send_error),
    "commit before process": Mutant(commit_before_process, {Misfortune.KILLED: 0.1}),
    "missing version guard": Mutant(no_version_guard),
    "no checkpoints": Mutant(no_checkpoints),
}
