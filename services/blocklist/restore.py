"""The blocklist's database from a backup: backup + everything that the topics know beyond it + a new epoch.

Promises
 1. All of it or nothing: what is loaded, taken from the topics and settled is one transaction, and the old database stays as it
    is if anything of that fails.
 2. No version, revision or number that was published is used again, and no lifting that was published is undone.
 3. Everything from then on is published under an epoch above every other that was seen.
Does not promise: what was accepted and never published. Nobody has it any more, and nobody can say what it was.
Would break it: a service that still works on the lost database while this reads the topics. What it publishes later is dropped by
readers, and is not in here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from services.blocklist.domain.batch import BatchId, BatchKind, OpenBatch
from services.blocklist.handlers.forward.bringing import Forward
from services.blocklist.handlers.forward.cases import Cases, Told
from services.blocklist.handlers.forward.fence import fence_lanes
from services.blocklist.handlers.forward.queue import Published, settle_queue, watch_what_waits
from services.blocklist.handlers.forward.report import Report
from services.blocklist.handlers.forward.settling import Settling
from services.blocklist.handlers.forward.versions import PublishedVersion, Versions
from services.blocklist.handlers.unit import Unit, close_batch
from services.blocklist.outbox import SOURCE
from services.blocklist.settings import BlocklistSettings
from services.blocklist.tables import metadata, relay_lanes, relay_members, system
from shared.backup import Archive, BackupRefused, Manifest, Place, restoring
from shared.backup.cli import UNSEEN_EPOCHS, RestoreOptions, summary
from shared.events import CaseEvent, DecodeError, Envelope, WithholdingChanged, decode
from shared.ids import Key
from shared.outbox.renumber import go_on_above
from shared.outbox.table import Lane
from shared.registry import load_registry
from shared.system import begin_epoch
from shared.topic_reader import Found, NotReadable, Numbers, read_all

PACKAGE = "services.blocklist"


async def restore(settings: BlocklistSettings, file: Path, options: RestoreOptions) -> dict[str, Any]:
    """Makes the database what the backup and the topics know, and answers what came of it. Raises BackupRefused."""
    archive = Archive.verified(file)
    place = Place(url=settings.database_url, package=PACKAGE, metadata=metadata, replace=options.replace)
    async with restoring(place, archive) as connection:
        unit = Unit(connection, settings.topics, settings.clock(), OpenBatch(id=BatchId(f"bat_{uuid4().hex}")))
        unit.batch.begin(BatchKind.ACT, memo=f"restored from {file.name}")
        restoration = Restoration(unit, archive.manifest)
        if options.roll_forward:
            try:
                await restoration.read(settings.kafka_bootstrap_servers)
            except NotReadable as error:
                raise BackupRefused(f"{error}; without the topics, liftings after the backup would be lost") from error
            await restoration.roll_forward()
        return await restoration.finish(f"{file.name}, taken at {archive.manifest.taken_at.isoformat()}")


@dataclass(slots=True)
class Restoration:
    """A backup that has been loaded, on its way to where the topics are."""

    unit: Unit
    manifest: Manifest
    report: Report = field(default_factory=Report)
    numbers: Numbers = field(default_factory=lambda: Numbers(SOURCE.encode()))
    published: Published = field(default_factory=Published)
    has_read: bool = False
    versions: Versions = field(init=False)
    cases: Cases = field(init=False)

    def __post_init__(self) -> None:
        self.versions = Versions(self.manifest.epoch, self.report)
        self.cases = Cases(self.manifest.epoch, self.report)

    async def read(self, bootstrap: str) -> None:
        """Takes over versions, and collects events, that the backup does not know. Raises NotReadable."""
        topics = self.unit.topics
        self.published = await watch_what_waits(self.unit.connection)
        async for batch in read_all(bootstrap, topics.published, topics.partitions, perhaps=[topics.checkpoints]):
            await self.take(batch)
        self.report.count("records_of_no_epoch_that_counts", self.numbers.stale)
        self.has_read = True

    async def take(self, batch: Sequence[Found]) -> None:
        """Records of one partition, in their order. What comes of an epoch before one that was seen there does not count."""
        self.report.count("records", len(batch))
        await self._take([found for found in batch if self.numbers.take(found)])

    async def roll_forward(self) -> None:
        """Directives and items follow their events; then keys and items are brought to agree."""
        forward = Forward(self.unit.connection, load_registry(), self.report)
        touched: set[Key] = set(self.versions.began)
        for id_, known, told in self.cases.in_order():
            touched |= await forward.bring(id_, known, told)
        await forward.succeed()
        await Settling(self.unit, self.report, self.versions.restated).settle(touched)

    async def finish(self, source: str) -> dict[str, Any]:
        """Numbers and epoch, and what waits to be published."""
        unit = self.unit
        epoch = max(self.manifest.epoch, self.numbers.epoch) + (1 if self.has_read else UNSEEN_EPOCHS)
        await begin_epoch(unit.connection, system, epoch, at=unit.now, restored_from=source)
        seen = {Lane(*lane): number for lane, number in self.numbers.sequences.items()}
        lanes = await go_on_above(unit.connection, relay_lanes, relay_members, seen)
        await settle_queue(unit, self.published, self.report)
        self.report.count("lanes_fenced", await fence_lanes(unit))
        await close_batch(unit)
        return {
            "restored": summary(self.manifest),
            "epoch": epoch,
            "rolled_forward": self.has_read,
            "lanes": {f"{lane.topic}/{lane.partition}": number for lane, number in lanes.items()},
            **self.report.as_json(),
        }

    async def _take(self, batch: Sequence[Found]) -> None:
        events = [(found, envelope) for found in batch if (envelope := self._read(found))]
        for _, envelope in events:
            if isinstance(envelope.data, WithholdingChanged | CaseEvent):
                self.published.saw(envelope.data)
        await self.versions.take(
            self.unit.connection,
            [PublishedVersion(e.data, _epoch(found)) for found, e in events if isinstance(e.data, WithholdingChanged)],
        )
        await self.cases.collect(
            self.unit.connection,
            [Told(e.data, e.time, _epoch(found)) for found, e in events if isinstance(e.data, CaseEvent)],
        )

    def _read(self, found: Found) -> Envelope | None:
        """A tombstone tells nothing; what cannot be read is named."""
        if found.record.value is None:
            return None
        try:
            return decode(found.record.value, found.record.headers)
        except DecodeError as error:
            self.report.name("not_readable", f"{found.topic}/{found.partition}@{found.offset}: {error}")
            return None


def _epoch(found: Found) -> int:
    position = found.position
    return position.epoch if position else 0
