"""Holes are filled with what the blocklist knows: by the same rules as events from Kafka, in one transaction with the hole.

Promises: whoever fills a hole ends the holds that were there when the blocklist was asked. Where the blocklist itself says
something else than what is stored of the same version, or has no such version, what is stored stays, the answer is set aside, and
the key is held: nobody knows who is right, and an operator decides.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.notifier.domain.effect import Version
from services.notifier.domain.facts import Contradicted, SetAside
from services.notifier.domain.holes import Hole
from services.notifier.domain.quarantine import FreedBy
from services.notifier.handlers.cases import record_case_events
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.handlers.unit import Unit
from services.notifier.handlers.withholdings import record_withholdings
from services.notifier.store import held, holes, quarantine, withholdings
from services.notifier.store.quarantine import NOWHERE, SOURCE, Quarantined
from shared.events import WithholdingChanged, encode
from shared.ids import DirectiveId, Key

SETTLED = timedelta(minutes=1)
"""A version that took effect longer ago than this is known to the blocklist, whenever the transaction of it ended."""


async def heal_key(
    unit: Unit, key: Key, hole: Hole, versions: Sequence[WithholdingChanged], *, asked_at: datetime | None = None
) -> bool:
    """Takes over every version that the blocklist has of the key. Answers whether the key is complete now.

    `asked_at` is when the blocklist was asked, now if that is not told.
    """
    asked_at = asked_at or unit.now
    disputed = await _take(unit, key, versions, asked_at)
    if disputed:
        await _dispute(unit, key, disputed)
        await holes.close(unit.connection, key)
        return True
    await held.free_keys(unit.connection, [key], FreedBy.SOURCE, unit.now, until=asked_at)
    if await held.is_held(unit.connection, key):
        return False
    return await holes.close_complete(unit.connection, [key], asked_source=hole.last is None)


async def heal_directive(
    unit: Unit, directive: DirectiveId, hole: Hole, records: Sequence[CaseRecord], *, asked_at: datetime | None = None
) -> bool:
    """Takes over the events of the directive from the hole on. Answers whether the hole is filled now."""
    await record_case_events(unit, records)
    revisions = {record.event.revision for record in records}
    last = max(revisions, default=0) if hole.last is None else hole.last
    if not revisions.issuperset(range(hole.first, last + 1)):
        return False
    await held.free_directive(unit.connection, directive, FreedBy.SOURCE, unit.now, until=asked_at or unit.now)
    if await held.is_held(unit.connection, directive):
        return False
    await holes.close_revisions(unit.connection, directive, hole)
    return True


async def postpone(unit: Unit, of: Key | DirectiveId, wait: timedelta) -> None:
    """The next try comes after `wait`."""
    await holes.postpone(unit.connection, of, unit.now + wait)


async def open_holes(unit: Unit, *, limit: int) -> list[holes.OpenHole]:
    """Holes whose next try is due."""
    return await holes.due(unit.connection, unit.now, limit)


async def _take(
    unit: Unit, key: Key, versions: Sequence[WithholdingChanged], asked_at: datetime
) -> list[tuple[str, WithholdingChanged | None]]:
    """Answers what cannot be taken over, and why."""
    before = len(unit.found)
    await record_withholdings(unit, versions)
    told = [fact.position for fact in unit.found[before:] if isinstance(fact, Contradicted)]
    disputed: list[tuple[str, WithholdingChanged | None]] = [
        ("the blocklist contradicts what is stored of this version", versions[position]) for position in told
    ]
    stored = (await withholdings.locked(unit.connection, [key])).get(key)
    last = max(versions, key=lambda version: version.version, default=None)
    if stored and _is_ahead(stored, last, asked_at):
        unit.found.append(Contradicted(len(versions), key, stored.number))
        disputed.append((f"the blocklist has no version {stored.number}", last))
    return disputed


def _is_ahead(stored: Version, last: WithholdingChanged | None, asked_at: datetime) -> bool:
    """Whether we have a version that the blocklist would know if it were one."""
    return stored.number > (last.version if last else 0) and stored.effective_at < asked_at - SETTLED


async def _dispute(unit: Unit, key: Key, disputed: Sequence[tuple[str, WithholdingChanged | None]]) -> None:
    records = [_answer(unit, key, reason, event) for reason, event in disputed]
    new = await quarantine.add(unit.connection, records)
    unit.found.extend(SetAside(record.topic, key, record.holds) for record in new)


def _answer(unit: Unit, key: Key, reason: str, event: WithholdingChanged | None) -> Quarantined:
    """The blocklist's answer, as the record that it would have been."""
    record = event and encode(event, id=f"{key}#{event.version}", source=SOURCE, subject=str(key), time=event.effective_at)
    return Quarantined(
        topic=SOURCE,
        partition=NOWHERE,
        offset=NOWHERE,
        reason=reason,
        key=str(key).encode(),
        value=record.value if record else None,
        headers=record.headers if record else (),
        at=unit.now,
        about=key,
        holds=True,
    )
