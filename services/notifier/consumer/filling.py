"""What was missing of a partition comes from the source instead, and has its effect by the same rules, in one transaction.

Promises: events of the source close exactly the gaps that they cover; what had its effect before has none again; the digest goes
on where everything has come. Any number may fill at a time.
Would break it: a page that is not contiguous, which whoever fetches refuses.
"""

from collections.abc import Sequence
from functools import partial

from services.notifier.consumer.batch import take_effect
from services.notifier.consumer.numbers import keep
from services.notifier.consumer.records import Consumed, Numbered, Partition
from services.notifier.domain.facts import GapPurged
from services.notifier.domain.stream import Gap, Walk, to_fetch, without
from services.notifier.handlers.unit import Unit
from services.notifier.store import gaps, offsets
from services.notifier.store.offsets import Progress
from shared.events.chain import after
from shared.topics import Topics


async def partitions_to_fill(unit: Unit) -> list[Partition]:
    """Those of which something is missing whose next try is due, or that no digest covers."""
    waiting = await gaps.waiting(unit.connection, unit.now)
    undigested = await offsets.undigested(unit.connection)
    due = [place for place, is_due in waiting.items() if is_due]
    return [Partition(*place) for place in sorted({*due, *(place for place in undigested if place not in waiting)})]


async def range_to_fetch(unit: Unit, partition: Partition) -> Gap | None:
    """What is to be asked for now."""
    progress = await offsets.progress(unit.connection, *partition)
    return to_fetch(progress.lane, await gaps.find(unit.connection, *partition))


async def fill(unit: Unit, partition: Partition, events: Sequence[Numbered], topics: Topics) -> None:
    """Gives what of these events was missing its effect, and closes what they close. They follow one another without a hole.

    Those that had come before are there for the digest alone.
    """
    progress = await offsets.locked(unit.connection, *partition)
    known = await gaps.find(unit.connection, *partition)
    wanted = to_fetch(progress.lane, known)
    come = [event for event in events if wanted and wanted.first <= event.sequence <= wanted.last]
    if not come:
        return
    walk = Walk(progress.lane)
    for event in come:
        walk.refill(event.sequence, partial(after, record=event.record))
    missing = [_consumed(unit, event) for event in come if any(gap.first <= event.sequence <= gap.last for gap in known)]
    await take_effect(unit, partition, missing, topics, in_order=False)
    await _close(unit, partition, known, Gap(come[0].sequence, come[-1].sequence))
    await keep(unit, partition, walk)
    await offsets.save(unit.connection, *partition, Progress(next_offset=progress.next_offset, lane=walk.lane))


async def give_up(unit: Unit, partition: Partition, kept_from: int) -> None:
    """The source does not have what comes before `kept_from` any more, so the digest cannot go on by itself.

    Numbers at the end of the lane that are purged count as seen: no checkpoint makes them missing again.
    """
    progress = await offsets.locked(unit.connection, *partition)
    touched = [gap for gap in await gaps.find(unit.connection, *partition) if gap.first < kept_from]
    purged = [Gap(gap.first, min(gap.last, kept_from - 1)) for gap in touched]
    await gaps.remove(unit.connection, *partition, touched)
    await gaps.note(unit.connection, *partition, purged, unit.now, purged=True)
    await gaps.note(unit.connection, *partition, [Gap(kept_from, gap.last) for gap in touched if gap.last >= kept_from], unit.now)
    unit.found.extend(GapPurged(topic=partition.topic, partition=partition.number, gap=gap) for gap in purged)
    highest = max([progress.lane.sequence, *(gap.last for gap in purged)])
    lane = progress.lane._replace(sequence=highest, digested=0, digest=None)
    await offsets.save(unit.connection, *partition, Progress(next_offset=progress.next_offset, lane=lane))


async def _close(unit: Unit, partition: Partition, known: Sequence[Gap], come: Gap) -> None:
    touched = [gap for gap in known if without(gap, come) != [gap]]
    left = [rest for gap in touched for rest in without(gap, come)]
    await gaps.remove(unit.connection, *partition, touched)
    await gaps.note(unit.connection, *partition, left, unit.now)


def _consumed(unit: Unit, event: Numbered) -> Consumed:
    """Such a record has no offset of Kafka's: a negative one names it by its number."""
    return Consumed(-event.sequence, unit.now, event.record)
