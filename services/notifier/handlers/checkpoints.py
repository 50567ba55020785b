"""Checkpoints: what each lane's publisher says of how far it goes, compared with what came.

Promises: a lane that stands still short of its checkpoint for `PATIENCE`, with nothing left to read, has what is behind recorded
as missing; so has one of which nobody can say what is left to read for `LONGEST_PATIENCE`. One whose digest differs is alarmed
about, once for each checkpoint, and asked for anew from where it was last verified; if it differs again, the source contradicts
itself: that is alarmed about, and the lane goes on from the publisher's digest. `verified_at` rises by nothing but equal digests.
Any number may compare at a time: the lane's row is locked, and what was settled is not looked at again.
Does not promise: to find what was published and never numbered. The digests of states do.
"""

from collections.abc import Collection, Sequence
from typing import assert_never

from services.notifier.domain.checkpoints import (
    Adoptable,
    Behind,
    Differs,
    Open,
    Verified,
    compare,
    is_lost,
    stood,
)
from services.notifier.domain.facts import CheckpointDiffered, GapFound
from services.notifier.domain.stream import Gap, Lane
from services.notifier.handlers.unit import Unit
from services.notifier.store import checkpoints, digests, gaps, offsets
from services.notifier.store.checkpoints import Stored
from services.notifier.store.offsets import Progress
from shared.events import CheckpointMade


async def record_checkpoints(unit: Unit, made: Sequence[CheckpointMade]) -> None:
    await checkpoints.keep(unit.connection, made)


async def note_read_to_end(unit: Unit, read: Collection[tuple[str, int]]) -> None:
    """These partitions hold nothing now that was not read. Where a lane stands short of its checkpoint, that counts."""
    for place in await checkpoints.standing(unit.connection):
        if place in read:
            await checkpoints.read_to_end(unit.connection, *place, unit.now)


async def unsettled(unit: Unit) -> list[tuple[str, int]]:
    """The partitions whose checkpoint is still to be compared."""
    return await checkpoints.unsettled(unit.connection)


async def is_purged(unit: Unit, topic: str) -> bool:
    """Whether anything is missing that the source does not have any more."""
    return await gaps.any_purged(unit.connection, topic)


async def settle_purged(unit: Unit, topic: str) -> None:
    """What was purged of the withholdings is made up for once every jurisdiction was found to be as the blocklist says since."""
    since = await digests.agreed_since(unit.connection)
    if since is not None:
        await gaps.settle(unit.connection, topic, found_before=since)


async def compare_lane(unit: Unit, topic: str, partition: int) -> None:
    """Compares the lane with its checkpoint, and does what follows."""
    progress = await offsets.locked(unit.connection, topic, partition)
    stored = await checkpoints.find(unit.connection, topic, partition)
    if stored is None or stored.settled:
        return
    place, checkpoint = (topic, partition), stored.checkpoint
    verdict = compare(progress.lane, checkpoint, await gaps.marked(unit.connection, *place, checkpoint.mark))
    match verdict:
        case Behind(missing=missing):
            await _wait(unit, place, stored, progress.lane, missing)
        case Verified(sequence=sequence):
            await offsets.verify(unit.connection, *place, verdict, unit.now)
            await gaps.forget_marks(unit.connection, *place, below=sequence)
            await checkpoints.settle(unit.connection, *place, settled=True, fetched_again=False)
        case Differs():
            await _differ(unit, place, stored, progress, verdict)
        case Adoptable(sequence=sequence, digest=digest):
            await _adopt(unit, place, progress, sequence, digest)
        case Open():
            await checkpoints.wait(unit.connection, *place, None)
        case other:
            assert_never(other)


async def _wait(unit: Unit, place: tuple[str, int], stored: Stored, lane: Lane, missing: Gap) -> None:
    """What was published last may be under way still, or lie unread. If it does not, and the lane does not move, it is lost."""
    standstill = stood(stored.standstill, lane, unit.now)
    if standstill != stored.standstill:
        await checkpoints.wait(unit.connection, *place, standstill)
    if not is_lost(standstill, unit.now):
        return
    known = await gaps.find(unit.connection, *place)
    if all(gap.last < missing.last for gap in known):
        await _note(unit, place, missing)


async def _differ(unit: Unit, place: tuple[str, int], stored: Stored, progress: Progress, found: Differs) -> None:
    unit.found.append(CheckpointDiffered(topic=place[0], partition=place[1], sequence=found.sequence, again=stored.fetched_again))
    await gaps.forget_marks(unit.connection, *place)
    if stored.fetched_again:
        await _adopt(unit, place, progress, found.sequence, found.digest)
        await checkpoints.settle(unit.connection, *place, settled=True, fetched_again=False)
        return
    verified = await offsets.verified(unit.connection, *place)
    lane = progress.lane._replace(digested=verified.sequence, digest=verified.digest)
    await offsets.save(unit.connection, *place, Progress(next_offset=progress.next_offset, lane=lane))
    await gaps.note(unit.connection, *place, [Gap(verified.sequence + 1, found.sequence)], unit.now)
    await checkpoints.settle(unit.connection, *place, settled=False, fetched_again=True)


async def _adopt(unit: Unit, place: tuple[str, int], progress: Progress, sequence: int, digest: bytes) -> None:
    lane = progress.lane._replace(digested=sequence, digest=digest)
    await offsets.save(unit.connection, *place, Progress(next_offset=progress.next_offset, lane=lane))


async def _note(unit: Unit, place: tuple[str, int], missing: Gap) -> None:
    await gaps.note(unit.connection, *place, [missing], unit.now)
    unit.found.append(GapFound(topic=place[0], partition=place[1], gap=missing))
