"""What waited to be published when the backup was made, compared with what was published since.

Promises: nothing is published behind something later of its key or directive that readers have already; whatever else waits is
published, in its order.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.handlers.forward.report import Report
from services.blocklist.handlers.unit import Unit
from services.blocklist.outbox import OUTBOX, without
from services.blocklist.tables import outbox
from shared.events import CaseEvent, WithholdingChanged, decode, is_fence
from shared.ids import DirectiveId, Key

ROWS_AT_A_TIME = 200

Event = WithholdingChanged | CaseEvent


@dataclass(slots=True)
class Published:
    """The highest version of each key, and revision of each directive, that is on the topics; only of those that are watched."""

    versions: dict[Key, int] = field(default_factory=dict)
    revisions: dict[DirectiveId, int] = field(default_factory=dict)

    def watch(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, WithholdingChanged):
                self.versions[Key(event.jurisdiction, event.target)] = 0
            else:
                self.revisions[event.directive] = 0

    def saw(self, event: Event) -> None:
        if isinstance(event, WithholdingChanged):
            key = Key(event.jurisdiction, event.target)
            if event.version > self.versions.get(key, event.version):
                self.versions[key] = event.version
        elif event.revision > self.revisions.get(event.directive, event.revision):
            self.revisions[event.directive] = event.revision

    def has(self, event: Event) -> bool:
        """Whether readers have this, or something later of the same key or directive."""
        if isinstance(event, WithholdingChanged):
            return event.version <= self.versions.get(Key(event.jurisdiction, event.target), 0)
        return event.revision <= self.revisions.get(event.directive, 0)


async def watch_what_waits(connection: AsyncConnection) -> Published:
    """Nothing is known yet of what was published, but of what that has to be known."""
    published = Published()
    async for _, events in _waiting(connection):
        published.watch(events)
    return published


async def settle_queue(unit: Unit, published: Published, report: Report) -> None:
    """Marks rows that readers have, takes out of others what they have, and takes back every number not acknowledged."""
    waits = outbox.c.published_at.is_(None)
    checkpoints = outbox.c.topic == unit.topics.checkpoints
    await unit.connection.execute(update(outbox).where(waits, checkpoints).values(published_at=unit.now, sequence=None))
    async for row, events in _waiting(unit.connection):
        left = [event for event in events if not published.has(event)]
        report.count("events_waiting", len(left))
        if len(left) < len(events):
            report.count("events_published_before", len(events) - len(left))
            values = _narrowed(row, published.versions) if left else {"published_at": unit.now}
            await unit.connection.execute(update(outbox).where(outbox.c.id == row["id"]).values(values))
    await unit.connection.execute(update(outbox).where(waits).values(sequence=None))


def _narrowed(row: Mapping[Any, Any], versions: Mapping[Key, int]) -> dict[str, Any]:
    """Only chunks of versions hold more than one event."""
    body, events = without(row["body"], versions)
    return {"body": body, "events": events}


async def _waiting(connection: AsyncConnection) -> AsyncIterator[tuple[Mapping[Any, Any], list[Event]]]:
    """Each row that waits, with its events."""
    columns, last = (outbox.c.id, outbox.c.kind, outbox.c.body), 0
    while True:
        after = select(*columns).where(outbox.c.published_at.is_(None), outbox.c.id > last).order_by(outbox.c.id)
        rows = (await connection.execute(after.limit(ROWS_AT_A_TIME))).mappings().all()
        for row in rows:
            records = [record for record in OUTBOX.records(row["kind"], row["body"]) if not is_fence(record)]
            data = [decode(record.value, record.headers).data for record in records]
            yield row, [event for event in data if isinstance(event, WithholdingChanged | CaseEvent)]
        if not rows:
            return
        last = rows[-1]["id"]
