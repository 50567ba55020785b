"""Holes are filled with what the blocklist knows: by the same rules as events from Kafka, in one transaction with the hole."""

from collections.abc import Sequence
from datetime import timedelta

from services.notifier.domain.holes import Hole
from services.notifier.handlers.cases import record_case_events
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.handlers.unit import Unit
from services.notifier.handlers.withholdings import record_withholdings
from services.notifier.store import holes
from shared.events import WithholdingChanged
from shared.ids import DirectiveId, Key


async def heal_key(unit: Unit, key: Key, hole: Hole, versions: Sequence[WithholdingChanged]) -> bool:
    """Takes over every version that the blocklist has of the key. Answers whether the key is complete now."""
    await record_withholdings(unit, versions)
    return await holes.close_complete(unit.connection, [key], asked_source=hole.last is None)


async def heal_directive(unit: Unit, directive: DirectiveId, hole: Hole, records: Sequence[CaseRecord]) -> bool:
    """Takes over the events of the directive from the hole on. Answers whether the hole is filled now."""
    await record_case_events(unit, records)
    revisions = {record.event.revision for record in records}
    last = max(revisions, default=0) if hole.last is None else hole.last
    if not revisions.issuperset(range(hole.first, last + 1)):
        return False
    await holes.close_revisions(unit.connection, directive, hole)
    return True


async def postpone(unit: Unit, of: Key | DirectiveId, wait: timedelta) -> None:
    """The next try comes after `wait`."""
    await holes.postpone(unit.connection, of, unit.now + wait)


async def open_holes(unit: Unit, *, limit: int) -> list[holes.OpenHole]:
    """Holes whose next try is due."""
    return await holes.due(unit.connection, unit.now, limit)
