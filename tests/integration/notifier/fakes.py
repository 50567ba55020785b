"""What stands in for Kafka and for the blocklist: hand-written, and as strict as the real ones."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.notifier.commands import Commands
from services.notifier.consumer import Consumed, Partition, StoredPositions
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.history import HistoryUnavailable
from shared.events import Payload, Record, WithholdingChanged
from shared.ids import DirectiveId, Jurisdiction, Key
from shared.states import State
from shared.topics import Topics
from tests.unit.notifier.builders import AT, record

TOPICS = Topics()
WITHHOLDINGS = Partition(TOPICS.withholdings, 0)
DIRECTIVES = Partition(TOPICS.directives, 0)
ENFORCEMENTS = Partition(TOPICS.enforcements, 0)


class Killed(BaseException):
    """The process died here."""


@dataclass(slots=True)
class FakeKafka:
    """The topics: what was written stays, whatever becomes of who reads it. One record per second, from `AT` on."""

    logs: dict[Partition, list[Consumed]] = field(default_factory=dict)

    def write(self, partition: Partition, *found: Payload | Record) -> None:
        log = self.logs.setdefault(partition, [])
        for each in found:
            stored = each if isinstance(each, Record) else record(each)
            log.append(Consumed(len(log), timestamp(len(log)), stored))


@dataclass(slots=True)
class FakeSource:
    """A member of the group that has every partition but those `elsewhere`, and reads each from where the database says."""

    kafka: FakeKafka
    positions: StoredPositions
    per_poll: int = 100
    assigned: bool = True
    die_at_hint: bool = False
    says: bool = True
    next: dict[Partition, int] = field(default_factory=dict)
    held: set[Partition] = field(default_factory=set)
    elsewhere: set[Partition] = field(default_factory=set)
    hints: dict[Partition, int] = field(default_factory=dict)

    async def poll(self) -> Mapping[Partition, Sequence[Consumed]]:
        await asyncio.sleep(0)  # a broker lets others run, too
        batches: dict[Partition, Sequence[Consumed]] = {}
        for partition, log in self.kafka.logs.items():
            if partition not in self.next:
                self.next[partition] = await self.positions.find(partition) or 0
            if partition not in self.held | self.elsewhere:
                batches[partition] = log[self.next[partition] :][: self.per_poll]
                self.next[partition] += len(batches[partition])
        return batches

    def hold(self, partition: Partition, offset: int) -> None:
        self.next[partition] = offset
        self.held.add(partition)

    def resume(self, partition: Partition) -> None:
        self.held.discard(partition)

    async def hint(self, partition: Partition, next_offset: int) -> None:
        if self.die_at_hint:
            raise Killed
        self.hints[partition] = next_offset

    async def look(self) -> bool:
        return self.says

    def behind(self) -> frozenset[Partition]:
        logs = self.kafka.logs
        return frozenset(place for place in logs.keys() - self.elsewhere if self.next.get(place, 0) < len(logs[place]))

    def at_end(self) -> frozenset[Partition]:
        return frozenset(self.kafka.logs.keys() - self.elsewhere - self.behind()) if self.says else frozenset()


@dataclass(slots=True)
class FakeBlocklist:
    """Knows all that ever was, while it is there."""

    published: list[WithholdingChanged] = field(default_factory=list)
    told: list[CaseRecord] = field(default_factory=list)
    away: bool = False
    asked: int = 0
    broken: set[Key] = field(default_factory=set)

    async def versions(self, key: Key) -> list[WithholdingChanged]:
        self._answer()
        if key in self.broken:
            raise RuntimeError("a bug")
        return [event for event in self.published if Key(event.jurisdiction, event.target) == key]

    async def timeline(self, directive: DirectiveId) -> list[CaseRecord]:
        self._answer()
        return [told for told in self.told if told.event.directive == directive]

    async def states(self, place: Jurisdiction, at: datetime) -> AsyncIterator[State]:
        self._answer()
        latest: dict[Key, WithholdingChanged] = {}
        for event in sorted(self.published, key=lambda event: event.version):
            if event.jurisdiction == place and event.effective_at <= at:
                latest[Key(event.jurisdiction, event.target)] = event
        for key, event in sorted(latest.items()):
            yield State(*key, event.version, event.state)

    def _answer(self) -> None:
        self.asked += 1
        if self.away:
            raise HistoryUnavailable("away")


@asynccontextmanager
async def source_of(kafka: FakeKafka, commands: Commands) -> AsyncIterator[FakeSource]:
    yield FakeSource(kafka, StoredPositions(commands))


def timestamp(offset: int) -> datetime:
    return AT + timedelta(seconds=offset)
