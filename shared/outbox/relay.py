"""The relay takes what the outbox holds to Kafka, numbered. Any number of relays share the lanes.

Promises
 1. Every row is published at least once, and each lane in order: rows are sent only after all rows before them in their lane were
    acknowledged. Each event carries its number in the lane, the same one on every try, contiguous over the lane's whole life.
 2. A row is marked only after the broker acknowledged all of its events. Anything else, a timeout above all, is an unknown
    outcome: nothing is marked, the client is thrown away, the rows are read and sent again with the same ids and numbers.
 3. Nothing is ever skipped. What the broker refuses halts its lane, loudly, and is tried again slowly until somebody has removed
    the cause; other lanes go on.
 4. A relay that has lost a lane without noticing changes nothing in it: whatever it then says of the lane is refused.
 5. Nothing is taken up, and nothing lost, while the store says that nothing may be published.
Does not promise: that an event is published once. Readers drop what they have seen.
Would break it: reading rows by `id > last seen` instead of by what is unpublished, marking before the acknowledgement, or two
batches of one lane in flight at a time.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from typing import assert_never

from shared.backoff import Backoff
from shared.clock import Clock
from shared.logs import get_logger
from shared.outbox.batches import Read, as_sent, events_of, progress_after
from shared.outbox.failures import Failure, judge
from shared.outbox.holdings import Holdings, fair_share
from shared.outbox.metrics import LeaseChange, RelayMetrics
from shared.outbox.port import Batch, Hold, Owner, RelayStore
from shared.outbox.publisher import Publisher
from shared.outbox.table import Lane
from shared.steps import Step, reached
from shared.tasks import first_of, pause

log = get_logger(__name__)

ROWS_PER_TURN = 8
"""Rows of one lane in one turn: at most this many thousand events in memory."""

POLL = timedelta(milliseconds=500)
"""How long an idle relay waits for a wake-up. A lost one costs this much, never an event."""

BEAT = timedelta(seconds=3)
"""How often a relay gives a sign of life: a lease outlasts two that are lost."""

RETRY_AT_MOST = timedelta(seconds=2)
"""Longest wait between tries: when an outage ends, each second of it is one more that a release or a block comes late."""

HALTED = timedelta(seconds=30)
"""How long a lane rests whose next rows the broker refuses."""

DRAIN = timedelta(seconds=4)
"""How long batches that are under way at the end may take. What is cut off then is sent again by whoever comes next."""


class Turn(Enum):
    """What one turn of one lane came to."""

    MARKED = "marked"
    LOST = "lost"
    FAILED = "failed"
    REFUSED = "refused"


class Relay:
    def __init__(
        self,
        *,
        owner: Owner,
        store: RelayStore,
        publisher: Publisher,
        read: Read,
        clock: Clock,
        metrics: RelayMetrics,
        wake: asyncio.Event,
        lanes_freed: asyncio.Event | None = None,
        backoff: Backoff | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._owner = owner
        self._store = store
        self._publisher = publisher
        self._read = read
        self._clock = clock
        self._metrics = metrics
        self._wake = wake
        self._lanes_freed = lanes_freed or asyncio.Event()
        self._backoff = backoff or Backoff(cap=RETRY_AT_MOST)
        self._jitter = jitter
        self._holdings = Holdings()
        self._failures: dict[Lane, int] = defaultdict(int)
        self._serving: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop; turns under way are finished first. Errors are retried for ever, and counted."""
        beating = asyncio.create_task(self._beat_until(stop), name="relay-leases")
        try:
            await self._work_until(stop)
            await self._drain(beating)
        finally:
            await _cancelled({beating, *self._serving})
            await self._leave()
            await self._publisher.discard()

    async def beat(self) -> None:
        """A sign of life: keeps what is held, takes or gives up lanes until all have a fair share, tells how far lanes are."""
        roll = await self._store.beat(self._owner)
        self._count(LeaseChange.LOST, self._holdings.become(roll.held))
        room = self._holdings.settle(fair_share(roll.lanes, roll.members))
        claimed = await self._store.claim(self._owner, room) if room else ()
        self._holdings.add(claimed)
        self._count(LeaseChange.TAKEN, len(claimed))
        await self._give_up_what_is_due()
        if await self._store.checkpoint(self._owner, self._clock()) or claimed:
            self._wake.set()

    async def turn(self) -> Sequence[Turn]:
        """One turn of each lane that has something to publish and is not busy."""
        return await asyncio.gather(*(self._turn(batch) for batch in await self._take()))

    async def _beat_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._lanes_freed.clear()
            try:
                await self.beat()
            except Exception as error:  # noqa: BLE001 (leases outlast it; what is lost meanwhile is noticed by its epoch)
                log.warning("relay_leases_not_renewed", error=repr(error))
            await _wait_for(BEAT, stop, self._lanes_freed)

    async def _work_until(self, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            self._wake.clear()
            try:
                batches = await self._take()
                failures = 0
            except Exception as error:  # noqa: BLE001 (whatever it is, the rows are still there)
                failures += 1
                self._metrics.failures.labels(Failure.UNKNOWN).inc()
                log.warning("relay_rows_not_read", failures=failures, error=repr(error))
                await pause(stop, self._backoff.delay(failures, self._jitter()).total_seconds())
                continue
            for batch in batches:
                self._serve(batch, stop)
            await self._give_up_what_is_due()
            await _wait_for(POLL, stop, self._wake)

    async def _take(self) -> Sequence[Batch]:
        """Lanes count as busy while they are asked for: one that is numbered is given up only after its turn."""
        idle = self._holdings.idle()
        for hold in idle:
            self._holdings.begin(hold)
        try:
            batches = await self._store.take(self._owner, idle, ROWS_PER_TURN) if idle else ()
        finally:
            for hold in idle:
                self._holdings.end(hold)
        if batches:
            reached(Step.ROWS_NUMBERED)
        return batches

    def _serve(self, batch: Batch, stop: asyncio.Event) -> None:
        self._holdings.begin(batch.hold)
        task = asyncio.create_task(self._turn_and_rest(batch, stop))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _turn_and_rest(self, batch: Batch, stop: asyncio.Event) -> None:
        try:
            if rest := self._rest(batch.hold.lane, await self._turn(batch)):
                await pause(stop, rest.total_seconds())
        finally:
            self._holdings.end(batch.hold)
            self._wake.set()
        await self._give_up_what_is_due()

    def _rest(self, lane: Lane, turn: Turn) -> timedelta:
        """How long a lane is left alone after such a turn."""
        match turn:
            case Turn.MARKED | Turn.LOST:
                self._failures.pop(lane, None)
                return timedelta()
            case Turn.FAILED:
                self._failures[lane] += 1
                return self._backoff.delay(self._failures[lane], self._jitter())
            case Turn.REFUSED:
                return HALTED
            case _:
                assert_never(turn)

    async def _turn(self, batch: Batch) -> Turn:
        lane = batch.hold.lane
        try:
            events = events_of(batch, self._read)
            offset = await self._publisher.publish(lane, as_sent(batch, events))
            reached(Step.BATCH_ACKNOWLEDGED)
            until = progress_after(batch.since, events)
            marked = await self._store.mark(self._owner, batch, until, offset=offset, at=self._clock())
        except Exception as error:  # noqa: BLE001 (whatever it is, the rows are not marked, and are sent again)
            return await self._failed(batch.hold, error)
        if not marked:
            self._lost(batch.hold)
            return Turn.LOST
        reached(Step.ROWS_MARKED)
        self._metrics.published.labels(lane.topic).inc(len(events))
        return Turn.MARKED

    async def _failed(self, hold: Hold, error: Exception) -> Turn:
        failure = judge(error)
        self._metrics.failures.labels(failure).inc()
        if failure is not Failure.REFUSED:
            log.warning("relay_turn_failed", topic=hold.lane.topic, partition=hold.lane.partition, error=repr(error))
            return Turn.FAILED
        log.error("relay_lane_halted", topic=hold.lane.topic, partition=hold.lane.partition, error=repr(error))
        with suppress(Exception):  # it is noted when the lane is tried again
            await self._store.halt(self._owner, hold, reason=repr(error), at=self._clock())
        return Turn.REFUSED

    def _lost(self, hold: Hold) -> None:
        if self._holdings.drop(hold):
            self._count(LeaseChange.LOST, 1)
            log.warning("relay_lane_lost", topic=hold.lane.topic, partition=hold.lane.partition, epoch=hold.epoch)

    async def _give_up_what_is_due(self) -> None:
        """If the database does not take it, the next sign of life finds them held, and gives them up again."""
        holds = self._holdings.free_to_go()
        if holds:
            for hold in holds:
                self._holdings.drop(hold)
            self._count(LeaseChange.GIVEN_UP, len(holds))
            with suppress(Exception):
                await self._store.give_up(self._owner, holds)

    def _count(self, change: LeaseChange, lanes: int) -> None:
        self._metrics.lease_changes.labels(change).inc(lanes)
        self._metrics.owned_lanes.set(len(self._holdings))

    async def _drain(self, beating: asyncio.Task[None]) -> None:
        """A sign of life that is under way ends first, too: the database would take it after the leave, as that of another."""
        await asyncio.wait({beating, *self._serving}, timeout=DRAIN.total_seconds())

    async def _leave(self) -> None:
        """Others may go on at once. If the database does not take it, they do so when the leases end."""
        try:
            await asyncio.wait_for(self._store.leave(self._owner), DRAIN.total_seconds())
        except Exception as error:  # noqa: BLE001 (leases end by themselves)
            log.warning("relay_leases_not_given_up", error=repr(error))


async def _cancelled(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _wait_for(limit: timedelta, *events: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(first_of(*events), limit.total_seconds())
