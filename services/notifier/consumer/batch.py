"""One batch of one partition, in one transaction.

Promises: the batch's effect, what is set aside of it, what its numbers tell and the partition's next offset are stored together
or not at all; a record below the stored offset has no effect. So neither a crash nor a rebalance makes a record count twice, and
none is left out.
Would break it: anything but database work in here, or a second place that moves offsets.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from services.notifier.consumer.numbers import follow, keep
from services.notifier.consumer.records import (
    LONGEST_INDEXED,
    Consumed,
    NotUnderstood,
    Partition,
    Tombstone,
    Understood,
    read,
)
from services.notifier.domain.facts import Contradicted
from services.notifier.domain.holes import Hole
from services.notifier.domain.stream import Walk
from services.notifier.handlers.cases import record_case_events
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.handlers.reports import record_reports
from services.notifier.handlers.unit import Unit
from services.notifier.handlers.withholdings import record_withholdings
from services.notifier.store import holes, offsets, quarantine
from services.notifier.store.offsets import Progress
from services.notifier.store.quarantine import Quarantined
from shared.events import CaseEvent, EnforcementReported, Envelope, WithholdingChanged
from shared.ids import DirectiveId, Key, parse_key
from shared.jurisdictions import parse_jurisdiction
from shared.steps import Step, reached
from shared.topics import Topics

_DIRECTIVE = re.compile(rb"dir_[0-9a-f]{32}")

_UNKNOWN = Hole(1, None)
"""Nobody can tell what such a record said, so all that the blocklist has of its key is asked for."""


async def take(
    unit: Unit, partition: Partition, batch: Sequence[Consumed], topics: Topics, *, compacted_before: datetime
) -> None:
    """The effect of those records of the batch that have had none yet, and what their numbers tell.

    On a compacted topic it is normal that numbers are missing before a record from before `compacted_before`.
    """
    progress = await offsets.locked(unit.connection, *partition)
    fresh = [consumed for consumed in batch if consumed.offset >= progress.next_offset]
    if not fresh:
        return
    walk = Walk(progress.lane)
    valid = follow(walk, fresh, partition.topic, topics, compacted_before)
    await _take_effect(unit, partition, valid, topics)
    await keep(unit, partition, walk)
    await offsets.save(unit.connection, *partition, Progress(next_offset=fresh[-1].offset + 1, lane=walk.lane))
    reached(Step.EFFECT_RECORDED)


async def _take_effect(unit: Unit, partition: Partition, fresh: Sequence[Consumed], topics: Topics) -> None:
    understood: list[tuple[Consumed, Envelope]] = []
    refused: list[tuple[Consumed, str]] = []
    for consumed in fresh:
        match read(consumed.record, partition.topic, topics):
            case Understood(envelope=envelope):
                understood.append((consumed, envelope))
            case NotUnderstood(reason=reason):
                refused.append((consumed, reason))
            case Tombstone():
                continue
            case other:
                assert_never(other)
    await _record(unit, [envelope for _, envelope in understood])
    refused += [(understood[position][0], "it contradicts the same version") for position in _contradicted(unit)]
    await _set_aside(unit, partition, refused)
    await _ask_source(unit, [consumed.record.key for consumed, _ in refused], partition.topic, topics)


async def _record(unit: Unit, envelopes: Sequence[Envelope]) -> None:
    """All envelopes of a partition carry events of one kind, that of its topic."""
    data = [envelope.data for envelope in envelopes]
    await record_withholdings(unit, [event for event in data if isinstance(event, WithholdingChanged)])
    await record_reports(unit, [event for event in data if isinstance(event, EnforcementReported)])
    await record_case_events(
        unit, [CaseRecord(envelope.data, envelope.time) for envelope in envelopes if isinstance(envelope.data, CaseEvent)]
    )


def _contradicted(unit: Unit) -> list[int]:
    return [fact.position for fact in unit.found if isinstance(fact, Contradicted)]


async def _set_aside(unit: Unit, partition: Partition, refused: Sequence[tuple[Consumed, str]]) -> None:
    rows = [
        Quarantined(
            topic=partition.topic,
            partition=partition.number,
            offset=consumed.offset,
            reason=reason,
            key=consumed.record.key,
            value=consumed.record.value,
            at=unit.now,
        )
        for consumed, reason in refused
    ]
    await quarantine.add(unit.connection, rows)


async def _ask_source(unit: Unit, keys: Sequence[bytes], topic: str, topics: Topics) -> None:
    """The blocklist is asked for the truth about whatever a record that was set aside may have been about."""
    if topic == topics.withholdings:
        found = {key: _UNKNOWN for key in map(_withholding_key, keys) if key}
        await holes.note_versions(unit.connection, found, unit.now)
    if topic == topics.directives:
        named = {DirectiveId(key.decode()): _UNKNOWN for key in keys if _DIRECTIVE.fullmatch(key)}
        await holes.note_revisions(unit.connection, named, unit.now)


def _withholding_key(raw: bytes) -> Key | None:
    try:
        key = parse_key(raw.decode())
        parse_jurisdiction(key.jurisdiction)
    except ValueError:
        return None
    return None if b"\x00" in raw or len(raw) > LONGEST_INDEXED else key
