"""An enforcement point: reads the state topic, applies what concerns it, and reports what it applied.

Promises: every change in its jurisdictions and of its target types is applied in the order of its versions, and reported
once `apply` returned, by the next run if the one at hand ends before; what `apply` cannot do is reported as `failed`, and the
point goes on. What is still published from a database that was replaced by a backup is dropped. It starts from the beginning of
the topic, which compaction keeps as long as there are keys, so that a new or restarted point knows everything.
Does not promise: to report a version once. Reports repeat after a restart, and repeating one changes nothing.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from geowithhold.epochs import Epochs
from geowithhold.view import WithholdingView
from shared.clock import Clock, system_clock
from shared.events import DecodeError, EnforcementReported, Record, WithholdingChanged, decode, encode
from shared.ids import Jurisdiction, Key, PointId, TargetType
from shared.jurisdictions import expand, overlaps
from shared.kafka import make_consumer, make_producer, stop_quietly
from shared.logs import get_logger
from shared.topics import Topics

log = get_logger(__name__)

Apply = Callable[[WithholdingChanged], None]
"""Hides or shows a target. Raises whatever it wants when it cannot."""


@dataclass(kw_only=True)
class EnforcementPoint:
    """One system that hides things. `jurisdictions` may name groups; `target_types` are those that it knows.

    `idle_pause_ms` is for a broker that answers an empty fetch at once; Kafka needs none.
    """

    name: str
    bootstrap: str
    jurisdictions: Iterable[str]
    apply: Apply
    target_types: frozenset[TargetType] = frozenset(TargetType)
    topics: Topics = field(default_factory=Topics)
    clock: Clock = system_clock
    idle_pause_ms: int = 0
    view: WithholdingView = field(default_factory=WithholdingView)

    def __post_init__(self) -> None:
        self._places = expand(list(self.jurisdictions))
        self.epochs = Epochs()
        self._owed: list[EnforcementReported] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Keeps the view current until told to stop."""
        consumer = make_consumer(self.bootstrap, group=None, client_id=self.name, idle_pause_ms=self.idle_pause_ms)
        producer = make_producer(self.bootstrap, client_id=self.name)
        try:
            await consumer.start()
            await producer.start()
            await self._read_all_of(consumer)
            while not stop.is_set():
                await self._turn(consumer, producer)
        finally:
            await stop_quietly(consumer)
            await stop_quietly(producer)

    def matches(self, change: WithholdingChanged) -> bool:
        """Whether the change concerns this point: its kind of target, in a place that shares somebody with one of its own."""
        place = Jurisdiction(change.jurisdiction)
        return change.target_type in self.target_types and any(overlaps(mine, place) for mine in self._places)

    def take(self, records: Iterable[ConsumerRecord]) -> list[EnforcementReported]:
        """Applies the last version of each key among the records, and says what to report."""
        newest: dict[Key, WithholdingChanged] = {}
        for change, epoch in filter(None, map(self._change, records)):
            if self.matches(change) and self.view.apply(change, epoch=epoch):
                newest[Key(change.jurisdiction, change.target)] = change
        return [self._enforce(change) for change in newest.values()]

    def _change(self, record: ConsumerRecord) -> tuple[WithholdingChanged, int] | None:
        """The change that a record holds, if it counts, and the epoch under which it was published."""
        if not self.epochs.admits(record.partition, record.headers):
            log.warning("stale_record_dropped", partition=record.partition, offset=record.offset)
            return None
        return _read(record)

    def _enforce(self, change: WithholdingChanged) -> EnforcementReported:
        detail = None
        try:
            self.apply(change)
        except Exception as error:  # noqa: BLE001 (whatever the hiding system raises, the authority's clock runs and is told)
            detail = repr(error)[:1000]
        return EnforcementReported(
            point=PointId(self.name),
            target=change.target,
            jurisdiction=change.jurisdiction,
            version=change.version,
            state="failed" if detail else "applied",
            at=self.clock(),
            detail=detail,
        )

    async def _read_all_of(self, consumer: AIOKafkaConsumer) -> None:
        topic = self.topics.withholdings
        partitions = [TopicPartition(topic, number) for number in range(self.topics.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)

    async def _turn(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        batches = await consumer.getmany(timeout_ms=200)
        self._owed += self.take(record for batch in batches.values() for record in batch)
        sent = [await self._send(producer, report) for report in self._owed]
        await asyncio.gather(*sent)
        self._owed.clear()

    async def _send(self, producer: AIOKafkaProducer, report: EnforcementReported) -> "asyncio.Future[object]":
        record = self._record(report)
        future: asyncio.Future[object] = await producer.send(
            self.topics.enforcements, record.value, key=record.key, headers=list(record.headers)
        )
        return future

    def _record(self, report: EnforcementReported) -> Record:
        key = str(Key(report.jurisdiction, report.target))
        id_ = f"{self.name}/{key}@{report.version}/{report.state}/{report.at.timestamp()}"
        return encode(report, id=id_, source=f"/geowithhold/points/{self.name}", subject=key, time=report.at)


def _read(record: ConsumerRecord) -> tuple[WithholdingChanged, int] | None:
    """A tombstone and what cannot be read change nothing; the latter is told in the log."""
    if record.value is None:
        return None
    try:
        envelope = decode(record.value, record.headers)
    except DecodeError as error:
        log.warning("record_not_readable", partition=record.partition, offset=record.offset, error=str(error))
        return None
    return (envelope.data, envelope.epoch) if isinstance(envelope.data, WithholdingChanged) else None
