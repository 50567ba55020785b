"""Looks at both databases and the broker twice a second, past the proxies: how far everything is.

From what it saw follow the times to recover, and whether an offset ever fell. While something is down it sees nothing.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.kafka import make_consumer, stop_quietly
from tests.faults.checker.evidence import Moment
from tests.faults.collect import HOLES
from tests.faults.world import World

EVERY = 0.5
WITHIN = 15.0
TOLD_EVERY = 20.0

Offsets = Mapping[tuple[str, int], int]

_QUEUE = """SELECT (SELECT coalesce(max(id), 0) FROM outbox) AS newest,
    (SELECT min(id) FROM outbox WHERE published_at IS NULL AND topic NOT LIKE '%.checkpoints.v1') AS oldest"""
_LATE = "SELECT count(*) FROM enforcements WHERE current AND state <> 'applied'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """`newest` row of the blocklist's outbox, `oldest` unpublished one (None: all are out); the same of the notifier's.

    `waiting_points`: enforcements that no point has applied; not counted while anything is still on its way.
    """

    at: float
    newest: int
    oldest: int | None
    told_newest: int
    told_oldest: int | None
    next_offsets: Offsets
    ends: Offsets
    holes: int
    waiting_points: int | None

    @property
    def drained(self) -> bool:
        """Nothing is queued, unread or missing."""
        read = all(self.next_offsets.get(place, 0) >= end for place, end in self.ends.items())
        return read and self.oldest is None and self.told_oldest is None and not self.holes


@dataclass
class Monitor:
    world: World
    samples: list[Sample] = field(default_factory=list)
    failures: int = 0
    _blocklist: Any = None
    _notifier: Any = None
    _consumer: AIOKafkaConsumer | None = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def moments(self) -> Sequence[Moment]:
        return [Moment(sample.at, sample.next_offsets) for sample in self.samples]

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._look()
                await asyncio.sleep(EVERY)
        finally:
            await self._hang_up()

    async def after(self, at: float) -> Sample:
        """The first sample taken wholly after this time."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self.samples) and self.samples[-1].at > at)
            return self.samples[-1]

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(WITHIN):
                sample = await self._sample(time.monotonic())
        except Exception:  # noqa: BLE001 (whatever is down now, it is looked at again)
            self.failures += 1
            await self._hang_up()
            return
        self.samples.append(sample)
        async with self._changed:
            self._changed.notify_all()

    async def _sample(self, at: float) -> Sample:
        await self._connect()
        queue, told = await self._blocklist.fetchrow(_QUEUE), await self._notifier.fetchrow(_QUEUE)
        offsets = await self._notifier.fetch("SELECT topic, partition, next_offset FROM offsets")
        sample = Sample(
            at=at,
            newest=queue["newest"],
            oldest=queue["oldest"],
            told_newest=told["newest"],
            told_oldest=told["oldest"],
            next_offsets={(row["topic"], row["partition"]): row["next_offset"] for row in offsets},
            ends=await self._ends(),
            holes=await self._notifier.fetchval(HOLES),
            waiting_points=None,
        )
        return replace(sample, waiting_points=await self._notifier.fetchval(_LATE)) if sample.drained else sample

    async def _connect(self) -> None:
        postgres = self.world.postgres
        if self._blocklist is None:
            self._blocklist = await asyncpg.connect(postgres.url("blocklist"))
            self._notifier = await asyncpg.connect(postgres.url("notifier"))
        if self._consumer is None:
            consumer = make_consumer(self.world.broker.bootstrap, group=None, client_id="monitor")
            try:
                await consumer.start()
            except BaseException:
                await stop_quietly(consumer)
                raise
            self._consumer = consumer

    async def _ends(self) -> Offsets:
        topics = self.world.topics
        read = (topics.withholdings, topics.directives, topics.enforcements)
        places = [TopicPartition(name, number) for name in read for number in range(topics.partitions)]
        assert self._consumer is not None
        found = await self._consumer.end_offsets(places)
        return {(place.topic, place.partition): end for place, end in found.items()}

    async def _hang_up(self) -> None:
        for connection in filter(None, (self._blocklist, self._notifier)):
            with suppress(Exception):
                connection.terminate()
        if self._consumer is not None:
            with suppress(Exception):
                await stop_quietly(self._consumer, within=1.0)
        self._blocklist = self._notifier = self._consumer = None


async def recovered(monitor: Monitor, healed_at: float) -> float:
    """Seconds from `healed_at` until all that was committed by then is published, read and applied, whatever came since."""
    seen = await monitor.after(healed_at)
    newest = seen.newest
    while seen.oldest is not None and seen.oldest <= newest:
        seen = await monitor.after(seen.at)
    ends = seen.ends
    while any(seen.next_offsets.get(place, 0) < end for place, end in ends.items()):
        seen = await monitor.after(seen.at)
    return seen.at - healed_at


def unrest(sample: Sample) -> str:
    """What is still on its way, in words."""
    unread = {place: end - sample.next_offsets.get(place, 0) for place, end in sample.ends.items()}
    behind = {place: count for place, count in unread.items() if count > 0}
    queued = f"rows from {sample.oldest} and {sample.told_oldest} on are unpublished"
    return f"{queued}, unread are {behind}, {sample.holes} holes, {sample.waiting_points} enforcements wait"


def at_rest(sample: Sample) -> bool:
    """Nothing is on its way, and no point owes anything."""
    return sample.drained and sample.waiting_points == 0


async def quiet(monitor: Monitor, *, since: float, within: float, samples: int = 6) -> float | None:
    """Seconds from `since` until everything was at rest for so many samples in a row; None if that takes too long."""
    deadline, calm, began = time.monotonic() + within, 0, 0.0
    seen_at = told_at = time.monotonic()
    with suppress(TimeoutError):
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + within):
            while time.monotonic() < deadline:
                sample = await monitor.after(seen_at)
                seen_at = sample.at
                began = began if calm else sample.at
                calm = calm + 1 if at_rest(sample) else 0
                if seen_at > told_at + TOLD_EVERY:
                    told_at = seen_at
                    print(f"  {unrest(sample)}", flush=True)
                if calm == samples:
                    return began - since
    return None
