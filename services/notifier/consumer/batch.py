"""One batch of one partition, in one transaction.

Promises: the batch's effect, what is set aside of it, what its numbers tell and the partition's next offset are stored together
or not at all; a record below the stored offset has no effect. So neither a crash nor a rebalance makes a record count twice, and
none is left out.
Would break it: anything but database work in here, or a second place that moves offsets.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from services.notifier.consumer.aside import Refused, set_aside
from services.notifier.consumer.numbers import follow, keep
from services.notifier.consumer.records import (
    Consumed,
    NotUnderstood,
    Partition,
    Tombstone,
    Understood,
    read,
)
from services.notifier.domain.facts import Contradicted
from services.notifier.domain.stream import Walk
from services.notifier.handlers.cases import record_case_events
from services.notifier.handlers.checkpoints import record_checkpoints
from services.notifier.handlers.digests import record_state_digests
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.handlers.reports import record_reports
from services.notifier.handlers.unit import Unit
from services.notifier.handlers.withholdings import record_withholdings
from services.notifier.store import offsets
from services.notifier.store.offsets import Progress
from shared.events import CaseEvent, CheckpointMade, EnforcementReported, Envelope, StateDigested, WithholdingChanged
from shared.ids import Key
from shared.steps import Step, reached
from shared.topics import Topics

CONTRADICTION = "it contradicts the same version"


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
    await take_effect(unit, partition, valid, topics)
    await keep(unit, partition, walk)
    await offsets.save(unit.connection, *partition, Progress(next_offset=fresh[-1].offset + 1, lane=walk.lane))
    reached(Step.EFFECT_RECORDED)


async def take_effect(
    unit: Unit, partition: Partition, fresh: Sequence[Consumed], topics: Topics, *, in_order: bool = True
) -> None:
    """The effect of these records, by the rules of their topic, and what of them is set aside.

    Unless they came in their order, a version that applies may be older than what its key is held for, and ends no hold.
    """
    understood: list[tuple[Consumed, Envelope]] = []
    refused: list[Refused] = []
    for consumed in fresh:
        match read(consumed.record, partition.topic, topics):
            case Understood(envelope=envelope):
                understood.append((consumed, envelope))
            case NotUnderstood(reason=reason):
                refused.append(Refused(consumed, reason))
            case Tombstone():
                continue
            case other:
                assert_never(other)
    applied = await record_envelopes(unit, [envelope for _, envelope in understood])
    refused += [Refused(understood[at][0], CONTRADICTION, contradicts=True) for at in contradicted(unit)]
    later = {key: understood[at][0].offset for key, at in applied.items()} if in_order else {}
    await set_aside(unit, partition, refused, later, topics)


async def record_envelopes(unit: Unit, envelopes: Sequence[Envelope]) -> dict[Key, int]:
    """Gives them their effect; all carry events of one kind, that of their topic; on the checkpoints topic, of two.

    Answers the keys that have a new present version, with the place of its envelope.
    """
    data = [envelope.data for envelope in envelopes]
    versions = [(envelope.data, envelope.epoch) for envelope in envelopes if isinstance(envelope.data, WithholdingChanged)]
    applied = await record_withholdings(unit, [event for event, _ in versions], [epoch for _, epoch in versions])
    await record_reports(unit, [event for event in data if isinstance(event, EnforcementReported)])
    await record_case_events(
        unit, [CaseRecord(envelope.data, envelope.time) for envelope in envelopes if isinstance(envelope.data, CaseEvent)]
    )
    await record_checkpoints(unit, [event for event in data if isinstance(event, CheckpointMade)])
    await record_state_digests(unit, [event for event in data if isinstance(event, StateDigested)])
    return applied


def contradicted(unit: Unit) -> list[int]:
    """The places of the envelopes that contradict what is stored."""
    return [fact.position for fact in unit.found if isinstance(fact, Contradicted)]
