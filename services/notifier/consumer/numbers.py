"""Following the numbers that the blocklist's relay gives to what it publishes: what never came is noticed with the next record.

Promises: a gap is recorded in the transaction that passes it, so a crash neither forgets one nor counts it twice.
Does not promise: to notice that the last records of a partition never came. That takes checkpoints: see `auditor`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from services.notifier.consumer.records import Consumed, Partition
from services.notifier.domain.facts import EpochBegan, GapFound, StaleDropped
from services.notifier.domain.stream import Place, Stale, Walk
from services.notifier.handlers.unit import Unit
from services.notifier.store import gaps, offsets
from shared.events import Record, position_of
from shared.events.chain import after
from shared.topics import Topics

_NEVER = datetime.min.replace(tzinfo=UTC)


def follow(walk: Walk, batch: Sequence[Consumed], topic: str, topics: Topics, compacted_before: datetime) -> Sequence[Consumed]:
    """Takes the batch into account. Gives the records that may have an effect: all but those of a history that is no more.

    Whoever may report may not number: only the topics that the blocklist publishes are followed.
    """
    if topic not in topics.published:
        return batch
    thinned_before = compacted_before if topic == topics.withholdings else _NEVER
    return [consumed for consumed in batch if _is_valid(walk, consumed, thinned_before)]


async def keep(unit: Unit, partition: Partition, walk: Walk) -> None:
    """Records what the numbers told. A quiet walk costs no statement."""
    if walk.restarted:
        await gaps.forget_marks(unit.connection, *partition)
        await offsets.unverify(unit.connection, *partition)
    await gaps.note(unit.connection, *partition, walk.gaps, unit.now)
    await gaps.mark(unit.connection, *partition, walk.marks)
    unit.found.extend(GapFound(topic=partition.topic, partition=partition.number, gap=gap) for gap in walk.gaps)
    unit.found.extend(EpochBegan(topic=partition.topic, partition=partition.number, epoch=epoch) for epoch in walk.epochs)
    if walk.stale:
        unit.found.append(StaleDropped(topic=partition.topic, partition=partition.number, records=walk.stale))


def place_of(record: Record) -> Place | None:
    position = position_of(record.headers)
    return Place(*position) if position else None


def _is_valid(walk: Walk, consumed: Consumed, thinned_before: datetime) -> bool:
    record, thinned = consumed.record, consumed.timestamp < thinned_before
    outcome = walk.step(place_of(record), partial(after, record=record), thinned=thinned)
    return not isinstance(outcome, Stale)
