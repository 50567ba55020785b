"""The notifier's database in memory: the rules of the real one, with effect, offset and numbering changed in one go.

The rules themselves (`effect.judge`, `stream.Walk`, `checkpoints.compare`) are those that ship; only the tables are not.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import assert_never

from services.notifier.consumer.numbers import place_of
from services.notifier.consumer.records import Consumed, Partition
from services.notifier.domain import checkpoints as audit
from services.notifier.domain import effect, stream
from services.notifier.domain.effect import Applies, Contradicts, Corrects, Duplicate, Fills, Known, Version, WithholdingState
from services.notifier.domain.holes import Hole
from shared.clock import Clock
from shared.db import OutcomeUnknown
from shared.events import CheckpointMade, Record, WithholdingChanged, decode
from shared.events.chain import after
from shared.ids import Key
from shared.outbox.table import Lane
from shared.steps import Step, reached
from shared.topics import Topics
from tests.simulation.blocklist import Blocklist
from tests.simulation.loop import SimulatedLoop
from tests.simulation.process import Process
from tests.simulation.weather import Misfortune, Weather


@dataclass
class Partitioned:
    """What is stored of one partition."""

    next_offset: int = 0
    lane: stream.Lane = field(default_factory=stream.Lane)
    gaps: list[stream.Gap] = field(default_factory=list)
    marks: dict[int, bytes] = field(default_factory=dict)
    checkpoint: CheckpointMade | None = None
    standstill: audit.Standstill | None = None
    verified: int = 0


class Projection:
    """`effects` counts how often each version of each key took effect as the present one, in `order`."""

    def __init__(self, topics: Topics) -> None:
        self.topics = topics
        self.partitions: dict[Partition, Partitioned] = defaultdict(Partitioned)
        self.known: dict[Key, Known] = defaultdict(Known)
        self.holes: dict[Key, Hole] = {}
        self.effects: Counter[tuple[Key, int]] = Counter()
        self.order: dict[Key, list[int]] = defaultdict(list)
        self.alarms: list[str] = []
        self.locks: dict[Partition, asyncio.Lock] = defaultdict(asyncio.Lock)

    def take(self, partition: Partition, fresh: Sequence[Consumed]) -> None:
        stored = self.partitions[partition]
        walk = stream.Walk(stored.lane)
        for consumed in fresh:
            outcome = walk.step(place_of(consumed.record), partial(after, record=consumed.record))
            if not isinstance(outcome, stream.Stale):
                self.receive(consumed.record)
        stored.lane, stored.gaps = walk.lane, stored.gaps + walk.gaps
        stored.marks |= walk.marks
        stored.next_offset = fresh[-1].offset + 1

    def receive(self, record: Record) -> None:
        data = decode(record.value, record.headers).data
        if isinstance(data, CheckpointMade):
            self._keep(data)
        elif isinstance(data, WithholdingChanged):
            self.arrive(_version(data))

    def note_read_to_end(self, partitions: Collection[Partition], at: datetime) -> None:
        for stored in (self.partitions[partition] for partition in partitions):
            if stored.standstill:
                stored.standstill = stored.standstill._replace(read_to_end_at=at)

    def arrive(self, version: Version) -> None:
        """The version rule, and what follows from it."""
        key = version.key
        known = self.known[key]
        match effect.judge(known, version):
            case Applies(hole=hole):
                self.known[key] = known.advanced(version)
                self.effects[key, version.number] += 1
                self.order[key].append(version.number)
                if hole:
                    self.holes[key] = self.holes[key].joined(hole) if key in self.holes else hole
            case Fills():
                self.known[key] = known.filled(version)
            case Duplicate():
                return
            case Contradicts() | Corrects():
                self.alarms.append(f"{key} version {version.number} contradicts")
            case other:
                assert_never(other)

    def _keep(self, made: CheckpointMade) -> None:
        stored = self.partitions[Partition(made.topic, made.partition)]
        if stored.checkpoint is None or made.sequence >= stored.checkpoint.sequence:
            stored.checkpoint, stored.standstill = made, None


class SimulatedInbox:
    """One process's way to the projection."""

    def __init__(self, projection: Projection, process: Process, weather: Weather, clock: Clock) -> None:
        self._clock = clock
        self._projection = projection
        self._process = process
        self._weather = weather

    async def take(self, partition: Partition, batch: Sequence[Consumed]) -> None:
        await self._process.breathe()
        async with self._projection.locks[partition]:
            await self._weather.some_time(0.05)
            begin = self._projection.partitions[partition].next_offset
            fresh = [consumed for consumed in batch if consumed.offset >= begin]
            reached(Step.EFFECT_RECORDED)
            if self._weather.strikes(Misfortune.COMMIT_FAILED):
                raise ConnectionError("the transaction was rolled back")
            if fresh:
                self._projection.take(partition, fresh)
        if self._weather.strikes(Misfortune.COMMIT_LOST):
            raise OutcomeUnknown
        await self._process.breathe()

    async def note_read_to_end(self, partitions: Collection[Partition]) -> None:
        self._projection.note_read_to_end(partitions, self._clock())


class Mender:
    """Compares lanes with their checkpoints, and fetches from the source what is missing: auditor, filler and healer in one."""

    def __init__(self, projection: Projection, source: Blocklist, loop: SimulatedLoop) -> None:
        self._projection = projection
        self._source = source
        self._loop = loop

    def mend(self) -> None:
        """All that can be mended now."""
        for partition, stored in list(self._projection.partitions.items()):
            self._audit(stored)
            self._fill(partition, stored)
        for key, hole in list(self._projection.holes.items()):
            self._heal(key, hole)

    def _audit(self, stored: Partitioned) -> None:
        made = stored.checkpoint
        if made is None or stored.verified >= made.sequence:
            return
        verdict = audit.compare(stored.lane, _checkpoint(made), stored.marks.get(made.marked_sequence))
        match verdict:
            case audit.Behind(missing=missing):
                stored.standstill = audit.stood(stored.standstill, stored.lane, self._loop.clock())
                if audit.is_lost(stored.standstill, self._loop.clock()) and missing not in stored.gaps:
                    stored.gaps.append(missing)
            case audit.Verified(sequence=sequence):
                stored.verified = sequence
            case audit.Differs():
                self._projection.alarms.append(f"{made.topic}/{made.partition} differs at {verdict.sequence}")
            case audit.Adoptable(sequence=sequence, digest=digest):
                stored.lane = stored.lane._replace(digested=sequence, digest=digest)
            case audit.Open():
                pass
            case other:
                assert_never(other)

    def _fill(self, partition: Partition, stored: Partitioned) -> None:
        wanted = stream.to_fetch(stored.lane, stored.gaps)
        if wanted is None:
            return
        come = [(n, record) for n, record in self._source.events(Lane(*partition), wanted.first - 1) if n <= wanted.last]
        if not come:
            return
        walk = stream.Walk(stored.lane)
        for sequence, record in come:
            walk.refill(sequence, partial(after, record=record))
            if any(gap.first <= sequence <= gap.last for gap in stored.gaps):
                self._projection.receive(record)
        arrived = stream.Gap(come[0][0], come[-1][0])
        stored.gaps = [rest for gap in stored.gaps for rest in stream.without(gap, arrived)]
        stored.lane, stored.marks = walk.lane, stored.marks | walk.marks

    def _heal(self, key: Key, hole: Hole) -> None:
        for change in self._source.history[key]:
            self._projection.arrive(_version(change))
        numbers = set(self._projection.known[key].past) | {self._projection.known[key].number}
        if numbers.issuperset(range(1, (hole.last or hole.first) + 1)):
            del self._projection.holes[key]


def _checkpoint(made: CheckpointMade) -> audit.Checkpoint:
    return audit.Checkpoint(
        epoch=made.epoch,
        sequence=made.sequence,
        digest=bytes.fromhex(made.digest) or None,
        mark=made.marked_sequence,
        mark_digest=bytes.fromhex(made.marked_digest) or None,
    )


def _version(event: WithholdingChanged) -> Version:
    return Version(
        key=Key(event.jurisdiction, event.target),
        number=event.version,
        state=WithholdingState(event.state),
        cause=event.cause,
        directives=event.directives,
        effective_at=event.effective_at,
        due_at=event.due_at,
        label=event.label,
    )
