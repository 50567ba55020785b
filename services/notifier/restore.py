"""The notifier's database from a backup: what came since is read again from the topics, under the offsets of the backup.

Promises
 1. All of it or nothing, and no number under which a finding was published is used again.
 2. What waited to be published in the backup and was published since is not published again.
 3. Everything that the topics still hold of the time since the backup takes its effect again, once: the effects of what the
    backup has already are known by their versions, revisions and numbers.
Does not promise: the ids of what was found after the backup. It is found again, and told again under other ids.
"""

from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.outbox import OUTBOX, SOURCE
from services.notifier.settings import NotifierSettings
from services.notifier.tables import metadata, outbox, relay_lanes, relay_members, system
from shared.backup import Archive, BackupRefused, Place, restoring
from shared.backup.cli import UNSEEN_EPOCHS, RestoreOptions, summary
from shared.events import Record
from shared.outbox.renumber import go_on_above
from shared.outbox.table import Lane
from shared.system import begin_epoch
from shared.topic_reader import NotReadable, Numbers, read_all

PACKAGE = "services.notifier"

Waiting = dict[int, set[bytes]]
"""The ids of the events of each row that waits."""

LOOK_AT = (
    "points, subscriptions and their secrets, and acts of operators on set-aside records since the backup are lost",
    "messages sent since are sent again, those of the backup under their ids, those found again under new ones",
)


async def restore(settings: NotifierSettings, file: Path, options: RestoreOptions) -> dict[str, Any]:
    """Makes the database what the backup was, ready to read on from there. Raises BackupRefused."""
    archive = Archive.verified(file)
    place = Place(url=settings.database_url, package=PACKAGE, metadata=metadata, replace=options.replace)
    async with restoring(place, archive) as connection:
        numbers = Numbers(SOURCE.encode())
        waiting = await _waiting(connection)
        if options.roll_forward:
            await _read(settings, numbers, waiting)
        published = [id_ for id_, events in waiting.items() if not events]
        now = settings.clock()
        for id_ in published:
            await connection.execute(update(outbox).where(outbox.c.id == id_).values(published_at=now))
        await connection.execute(update(outbox).where(outbox.c.published_at.is_(None)).values(sequence=None))
        seen = {Lane(*lane): number for lane, number in numbers.sequences.items()}
        lanes = await go_on_above(connection, relay_lanes, relay_members, seen)
        epoch = max(archive.manifest.epoch, numbers.epoch) + (1 if options.roll_forward else UNSEEN_EPOCHS)
        source = f"{file.name}, taken at {archive.manifest.taken_at.isoformat()}"
        await begin_epoch(connection, system, epoch, at=now, restored_from=source)
        return {
            "restored": summary(archive.manifest),
            "epoch": epoch,
            "rolled_forward": options.roll_forward,
            "lanes": {f"{lane.topic}/{lane.partition}": number for lane, number in lanes.items()},
            "counts": {"rows_published_before": len(published), "rows_waiting": len(waiting) - len(published)},
            "unknown": list(LOOK_AT),
        }


async def _waiting(connection: AsyncConnection) -> Waiting:
    rows = await connection.execute(select(outbox.c.id, outbox.c.kind, outbox.c.body).where(outbox.c.published_at.is_(None)))
    return {id_: set(map(_id, OUTBOX.records(form, body))) for id_, form, body in rows}


async def _read(settings: NotifierSettings, numbers: Numbers, waiting: Waiting) -> None:
    """Learns the numbers that were given out, and takes what was published out of what waits."""
    topics = settings.topics
    rows_of = {event: id_ for id_, events in waiting.items() for event in events}
    try:
        found = read_all(settings.kafka_bootstrap_servers, [], topics.partitions, perhaps=[topics.compliance, topics.checkpoints])
        async for batch in found:
            for each in batch:
                event = _id(each.record)
                if numbers.take(each) and event in rows_of:
                    waiting[rows_of[event]].discard(event)
    except NotReadable as error:
        raise BackupRefused(f"{error}; without the topics, numbers would be used again") from error


def _id(record: Record) -> bytes:
    return dict(record.headers).get("ce_id", b"")
