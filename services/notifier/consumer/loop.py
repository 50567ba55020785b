"""The consumer: what comes from Kafka takes effect.

Promises
 1. Every record of the three topics takes effect exactly once: its effect and the partition's next offset are committed in one
    database transaction, and a partition is read from the offset that the database holds. Kafka's own offsets are a hint.
 2. A partition's records take effect in their order. A batch that fails is tried again for ever, whatever the reason, and holds
    its own partition only.
 3. A record that cannot be understood is set aside with its bytes, counted, and passed; where its key can be read, the blocklist
    is asked for the truth.
 4. A consumer to which nothing comes for `stall_seconds`, though there is more or nobody can say, is built anew.
Does not promise: order between partitions, or that metrics count a batch whose process died right after its commit.
Would break it: reading from Kafka's offsets, an effect outside the transaction, or skipping a batch after any number of failures.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from services.notifier.consumer.inbox import Inbox
from services.notifier.consumer.records import Consumed, Partition
from services.notifier.consumer.watchdog import Stalled, Watchdog
from shared.backoff import Backoff
from shared.clock import Clock, system_clock
from shared.db import is_outage
from shared.logs import get_logger
from shared.steps import Step, reached

log = get_logger(__name__)


class RecordSource(Protocol):
    """What the consumer needs of Kafka. Each partition is read from where the database says that it goes on."""

    async def poll(self) -> Mapping[Partition, Sequence[Consumed]]:
        """The next records of each partition, soon, or none."""
        ...

    def hold(self, partition: Partition, offset: int) -> None:
        """Goes back to this offset, and reads no more of the partition until it is resumed."""
        ...

    def resume(self, partition: Partition) -> None: ...

    async def hint(self, partition: Partition, next_offset: int) -> None:
        """Tells Kafka how far the partition has come. Never raises, and waits for nobody."""
        ...

    async def look(self) -> bool:
        """Asks anew how far the partitions go, for `behind`. Answers whether Kafka said."""
        ...

    def behind(self) -> frozenset[Partition]:
        """The partitions of which more is known to be there than was polled."""
        ...

    def at_end(self) -> frozenset[Partition]:
        """The partitions of which everything was polled, as Kafka has just said."""
        ...

    @property
    def assigned(self) -> bool:
        """Whether it has been told which partitions to read."""
        ...


STALL_SECONDS = 30.0
LONGEST_REBALANCE = 12
"""Times that: a group that waits for a member of its own that is slow, or gone, may take minutes to hand out partitions."""

ENDS_EVERY = 5.0
"""Seconds after which the database is told again which partitions were read to their end."""

Connect = Callable[[], AbstractAsyncContextManager[RecordSource]]


class Turn(Enum):
    WORKED = "worked"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class _Held:
    """A partition whose batch failed `attempts` times, and the monotonic time of the next try."""

    attempts: int
    until: float


class Consumer:
    """Reads `topics` from what `connect` gives, and puts what comes into the inbox."""

    def __init__(
        self,
        *,
        connect: Connect,
        inbox: Inbox,
        topics: Sequence[str],
        wall_clock: Clock = system_clock,
        monotonic: Callable[[], float] = time.monotonic,
        backoff: Backoff | None = None,
        stall_seconds: float = STALL_SECONDS,
        stalled: Callable[[], None] = lambda: None,
    ) -> None:
        self._connect = connect
        self._inbox = inbox
        self._topics = topics
        self._wall_clock = wall_clock
        self._monotonic = monotonic
        self._backoff = backoff or Backoff()
        self._watchdog = Watchdog(within=stall_seconds, monotonic=monotonic)
        self._stalled = stalled
        self._answers = True
        self._source: RecordSource | None = None
        self._held: dict[Partition, _Held] = {}
        self._reached: dict[Partition, datetime] = {}
        self._ends_told_at = -ENDS_EVERY
        self.caught_up = asyncio.Event()
        """Set once everything that Kafka held when the consumer began has taken effect."""

    @property
    def assigned(self) -> bool:
        return self._source is not None and self._source.assigned

    async def run(self, stop: asyncio.Event) -> None:
        """Consumes until told to stop; a batch under way is finished first. Whoever runs it starts it again when it raises."""
        async with AsyncExitStack() as stack:
            connecting = asyncio.ensure_future(stack.enter_async_context(self._connect()))
            if not await _done_before(stop, connecting):
                return
            self._source = source = connecting.result()
            stack.callback(self._disconnected)
            while not stop.is_set():
                await self._turn(source)

    async def run_once(self, source: RecordSource) -> Turn:
        """Polls once, and gives every batch its effect. Raises what polling raises, and Stalled."""
        self._resume_due(source)
        batches = {partition: batch for partition, batch in (await self._poll(source)).items() if batch}
        reached(Step.RECORDS_POLLED)
        for partition, batch in batches.items():
            await self._take(source, partition, batch)
        if not batches and source.assigned and source.at_end() and not source.behind():
            self.caught_up.set()
        await self._tell_ends(source)
        await self._watch(source, moved=bool(batches))
        return Turn.WORKED if batches else Turn.IDLE

    def lag(self) -> dict[str, float]:
        """By topic, the age in seconds of the oldest record that its partitions have come to and not past; 0 when caught up."""
        lags = dict.fromkeys(self._topics, 0.0)
        now = self._wall_clock()
        behind = (self._source.behind() if self._source else frozenset()) | self._held.keys()
        for partition in behind:
            age = (now - self._reached.get(partition, now)).total_seconds()
            lags[partition.topic] = max(lags[partition.topic], age)
        return lags

    async def _turn(self, source: RecordSource) -> None:
        try:
            await self.run_once(source)
        except Stalled:
            self._stalled()
            raise

    async def _poll(self, source: RecordSource) -> Mapping[Partition, Sequence[Consumed]]:
        """Raises Stalled if it does not end in time."""
        polling = asyncio.ensure_future(source.poll())
        try:
            done, _ = await asyncio.wait([polling], timeout=self._watchdog.within)
            if not done:
                raise Stalled("a poll did not end")
            return polling.result()
        finally:
            polling.cancel()

    async def _tell_ends(self, source: RecordSource) -> None:
        """What was taken, and is all that there is, is told to whoever waits for more. If that fails, it is told again soon."""
        now, at_end = self._monotonic(), source.at_end() - self._held.keys()
        if not at_end or now - self._ends_told_at < ENDS_EVERY:
            return
        self._ends_told_at = now
        try:
            await self._inbox.note_read_to_end(at_end)
        except Exception as error:  # noqa: BLE001 (nothing depends on it but how soon a loss is noticed)
            log.warning("ends_not_told", error=repr(error))

    async def _watch(self, source: RecordSource, *, moved: bool) -> None:
        """What was polled for too long without a record, though there are some or nobody says, is given up."""
        if moved:
            self._watchdog.moved()
            return
        if not source.assigned:
            self._watchdog.waits(times=LONGEST_REBALANCE)
            return
        if self._watchdog.look_due():
            self._answers = await self._look(source)
        if self._answers and not source.behind() - self._held.keys():
            self._watchdog.moved()
        else:
            self._watchdog.waits()

    async def _look(self, source: RecordSource) -> bool:
        try:
            return await asyncio.wait_for(source.look(), self._watchdog.within / 3)
        except TimeoutError:
            return False

    def _disconnected(self) -> None:
        self._source = None
        self._answers = True
        self._watchdog.moved()
        self._held.clear()

    async def _take(self, source: RecordSource, partition: Partition, batch: Sequence[Consumed]) -> None:
        try:
            await self._inbox.take(partition, batch)
        except Exception as error:  # noqa: BLE001 (whatever it is, the records are still there, and skipping them is never right)
            self._hold(source, partition, batch[0], error)
            return
        reached(Step.EFFECT_COMMITTED)
        self._held.pop(partition, None)
        self._reached[partition] = batch[-1].timestamp
        await source.hint(partition, batch[-1].offset + 1)
        reached(Step.OFFSET_HINTED)

    def _hold(self, source: RecordSource, partition: Partition, first: Consumed, error: Exception) -> None:
        """The batch had no effect; it is read and tried again later, while the other partitions go on."""
        attempts = self._held[partition].attempts + 1 if partition in self._held else 1
        wait = self._backoff.delay(attempts, random.random()).total_seconds()  # noqa: S311 (jitter)
        place = {"topic": partition.topic, "partition": partition.number, "attempts": attempts}
        if is_outage(error):
            log.warning("batch_waits_for_database", error=repr(error), **place)
        else:
            log.error("batch_failed", exc_info=error, **place)
        self._held[partition] = _Held(attempts, self._monotonic() + wait)
        self._reached.setdefault(partition, first.timestamp)
        source.hold(partition, first.offset)

    def _resume_due(self, source: RecordSource) -> None:
        """What is held is behind. If it is not, another has the partition now: then it is that one's to try."""
        now, behind = self._monotonic(), source.behind()
        self._held = {partition: held for partition, held in self._held.items() if partition in behind}
        for partition, held in self._held.items():
            if held.until <= now:
                source.resume(partition)


async def _done_before(stop: asyncio.Event, work: asyncio.Future[Any]) -> bool:
    """Whether the work was done before the event was set; otherwise it is cancelled, and has ended."""
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait([work, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if work.done():
        return True
    work.cancel()
    await asyncio.wait([work])
    return False
