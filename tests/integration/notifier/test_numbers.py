"""What the numbers of the records tell, in the transaction of their effect."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.notifier.tables import offsets, stream_gaps, stream_marks
from shared.events import Payload, Position, Record, placed
from shared.events.chain import BEGINNING, MARK_EVERY, after
from shared.steps import Step, observe
from shared.topics import COMPACTION_LAG
from tests.integration.notifier.fakes import DIRECTIVES, ENFORCEMENTS, TOPICS, WITHHOLDINGS, FakeKafka, Killed
from tests.integration.notifier.rig import Rig
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import AT, received, record, report, withholding

KEY = "IN/account:a"
GAPS = {"topic": TOPICS.withholdings}


def numbered(sequence: int, event: Payload | None = None, *, epoch: int = 1) -> Record:
    return placed(record(event or withholding(version=sequence)), Position(epoch, sequence))


def digest_of(*records: Record) -> str:
    digest = BEGINNING
    for each in records:
        digest = after(digest, each)
    return digest.hex()


async def lane(world: World) -> tuple[object, ...]:
    c = offsets.c
    (found,) = await world.rows(select(c.next_offset, c.epoch, c.sequence, c.digested, c.digest))
    return found


async def gaps(world: World) -> list[tuple[object, ...]]:
    c = stream_gaps.c
    return await world.rows(select(c.topic, c.partition, c.first, c.last).order_by(c.first))


async def test_numbers_are_followed_over_batches_and_restarts(world: World, kafka: FakeKafka) -> None:
    records = [numbered(number) for number in range(1, 5)]
    kafka.write(WITHHOLDINGS, *records[:2])
    await Rig(world, kafka).turn()
    kafka.write(WITHHOLDINGS, *records[2:])
    await Rig(world, kafka).turn()

    assert await lane(world) == (4, 1, 4, 4, digest_of(*records))
    assert await gaps(world) == []


@pytest.mark.fault(27)
async def test_a_lost_record_is_noticed_with_the_next_one_which_applies_all_the_same(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, numbered(1), numbered(4), numbered(5))

    await Rig(world, kafka).turn()

    assert await gaps(world) == [(TOPICS.withholdings, 0, 2, 3)]
    assert await lane(world) == (3, 1, 5, 1, digest_of(numbered(1)))
    assert await world.present() == {KEY: (5, "withheld")}
    assert world.metric("geowithhold_stream_gaps_total", **GAPS) == 1


@pytest.mark.fault(22)
async def test_a_gap_is_recorded_and_counted_once_whatever_crashes(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, numbered(3))
    with pytest.raises(Killed):
        await Rig(world, kafka, Killed()).turn()
    assert await gaps(world) == []

    await Rig(world, kafka).turn()
    await Rig(world, kafka).turn()

    assert await gaps(world) == [(TOPICS.withholdings, 0, 1, 2)]
    assert world.metric("geowithhold_stream_gaps_total", **GAPS) == 1


@pytest.mark.fault(26)
async def test_what_is_sent_again_under_its_number_or_replayed_under_a_new_one_has_no_effect(
    world: World, kafka: FakeKafka
) -> None:
    first, second = numbered(1), numbered(2)
    replayed = placed(record(withholding(version=1)), Position(1, 3))
    kafka.write(WITHHOLDINGS, first, second, second, first, replayed)

    await Rig(world, kafka).turn()

    assert await lane(world) == (5, 1, 3, 3, digest_of(first, second, replayed))
    assert await world.present() == {KEY: (2, "released")}
    assert await world.past() == [1]
    assert await gaps(world) == []


async def test_a_record_of_a_history_that_a_restore_ended_is_dropped_and_counted(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, numbered(1, epoch=2), numbered(2, epoch=1))

    await Rig(world, kafka).turn()

    assert await world.present() == {KEY: (1, "withheld")}
    assert world.metric("geowithhold_stale_epoch_total", **GAPS) == 1
    assert (await lane(world))[:3] == (2, 2, 1)


async def test_a_new_epoch_that_numbers_again_starts_over_and_forgets_the_marks(world: World, kafka: FakeKafka) -> None:
    events = [withholding(f"account:{number}") for number in range(MARK_EVERY + 1)]
    old = [numbered(number, event) for number, event in enumerate(events, 1)]
    kafka.write(WITHHOLDINGS, *old)
    rig = Rig(world, kafka)
    rig.source.per_poll = 1000
    await rig.turn()
    assert await world.rows(select(stream_marks.c.sequence, stream_marks.c.digest)) == [(MARK_EVERY, digest_of(*old[:-1]))]

    kafka.write(WITHHOLDINGS, numbered(40, epoch=2), numbered(41, epoch=2))
    await rig.turn()

    assert await lane(world) == (MARK_EVERY + 3, 2, 41, 0, None)
    assert await world.count(stream_marks) == 0


async def test_before_an_old_record_of_a_compacted_topic_nothing_is_missing(world: World, kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, numbered(7))
    kafka.write(DIRECTIVES, numbered(7, received()))
    rig = Rig(world, kafka)
    rig.wall.now = AT + COMPACTION_LAG + timedelta(seconds=1)

    await rig.turn()

    assert await gaps(world) == [(TOPICS.directives, 0, 1, 6)]


async def test_nobody_but_the_blocklist_numbers(world: World, kafka: FakeKafka) -> None:
    kafka.write(ENFORCEMENTS, numbered(10**12, report()))

    await Rig(world, kafka).turn()

    assert await gaps(world) == []
    assert (await lane(world))[:3] == (1, None, None)


STEPS = (Step.RECORDS_POLLED, Step.EFFECT_RECORDED, Step.WORK_DONE, Step.COMMITTED, Step.EFFECT_COMMITTED, Step.OFFSET_HINTED)


@pytest.mark.fault(21)
@pytest.mark.fault(22)
@pytest.mark.parametrize("step", STEPS)
async def test_wherever_it_dies_another_completes_and_each_record_counts_once(world: World, kafka: FakeKafka, step: Step) -> None:
    garbage = numbered(6)._replace(value=b"garbage")
    kafka.write(WITHHOLDINGS, numbered(1), numbered(3), numbered(4), garbage)
    reached = []

    def die(at: Step) -> None:
        reached.append(at)
        if at is step:
            raise Killed

    stop_observing = observe(die)
    with pytest.raises(Killed):
        await Rig(world, kafka).turn()
    stop_observing()
    await Rig(world, kafka).turn()

    assert reached[-1] is step
    assert await world.present() == {KEY: (4, "released")}
    assert await gaps(world) == [(TOPICS.withholdings, 0, 2, 2), (TOPICS.withholdings, 0, 5, 5)]
    assert (await lane(world))[:4] == (4, 1, 6, 1)
    assert await world.rows(select(stream_gaps.c.attempts)) == [(0,), (0,)]
