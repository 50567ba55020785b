"""What the numbers show to be missing comes from the blocklist, by the same rules."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from services.notifier.consumer.records import Numbered
from services.notifier.filler import Filler
from services.notifier.tables import offsets, quarantine, stream_gaps, stream_marks
from shared.backoff import Backoff
from shared.events import Record
from shared.events.chain import MARK_EVERY
from shared.steps import Step, observe
from tests.integration.notifier.fakes import DIRECTIVES, TOPICS, WITHHOLDINGS, FakeKafka, Killed
from tests.integration.notifier.lanes import KEY, FakeBlocklistLanes, digest_of
from tests.integration.notifier.rig import Rig
from tests.integration.notifier.test_holds import held
from tests.integration.notifier.world import World
from tests.support.eventually import eventually
from tests.unit.notifier.builders import counts, decided, received, withholding


def filler(world: World, source: FakeBlocklistLanes) -> Filler:
    backoff = Backoff(base=timedelta(seconds=10), cap=timedelta(seconds=40))
    return Filler(commands=world.commands, source=source, topics=TOPICS, backoff=backoff)


@pytest.fixture
def lanes(kafka: FakeKafka) -> FakeBlocklistLanes:
    return FakeBlocklistLanes(kafka)


async def gaps(world: World) -> list[tuple[object, ...]]:
    c = stream_gaps.c
    return await world.rows(select(c.first, c.last).order_by(c.first))


async def lane(world: World) -> tuple[object, ...]:
    c = offsets.c
    (found,) = await world.rows(select(c.sequence, c.digested, c.digest).where(c.topic == TOPICS.withholdings))
    return found


@pytest.mark.fault(27)
async def test_what_is_missing_is_fetched_page_by_page_and_the_digest_goes_on_to_the_present(
    world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes
) -> None:
    lanes.versions(12, lost={2, 3, 4, 5, 6, 9})
    await Rig(world, kafka).turn()
    assert await gaps(world) == [(2, 6), (9, 9)]

    assert await filler(world, lanes).run_once(asyncio.Event()) == 1

    assert await gaps(world) == []
    assert await lane(world) == (12, 12, digest_of(lanes.kept[WITHHOLDINGS]))
    assert await world.past() == list(range(1, 12))
    assert await world.present() == {KEY: (12, "released")}
    assert lanes.asked == [1, 4, 7, 10]
    assert await filler(world, lanes).run_once(asyncio.Event()) == 0


@pytest.mark.fault(27)
async def test_what_a_key_says_last_is_learnt_although_nothing_of_the_key_comes_after_it(
    world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes
) -> None:
    lanes.publish(withholding("account:a"), withholding("account:a", 2), withholding("account:b"), lost={2})
    await Rig(world, kafka).turn()
    assert (await world.present())["IN/account:a"] == (1, "withheld")

    await filler(world, lanes).run_once(asyncio.Event())

    assert (await world.present())["IN/account:a"] == (2, "released")


async def test_events_of_directives_are_filled_in_too(world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes) -> None:
    lanes.publish(
        received(), decided(2, tally=counts(complied=1)), decided(3, tally=counts(complied=1)), lost={1}, partition=DIRECTIVES
    )
    await Rig(world, kafka).turn()

    await filler(world, lanes).run_once(asyncio.Event())

    assert await gaps(world) == []


async def test_while_the_blocklist_is_away_the_gap_waits_longer_and_longer(
    world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes
) -> None:
    lanes.versions(3, lost={2})
    lanes.away = True
    await Rig(world, kafka).turn()
    one = filler(world, lanes)
    tries = []
    for _ in range(100):
        tries.append(await one.run_once(asyncio.Event()))
        world.clock.advance(5)

    assert 10 < sum(tries) < 30
    assert await world.rows(select(stream_gaps.c.attempts)) == [(sum(tries),)]
    lanes.away = False
    world.clock.advance(60)
    await one.run_once(asyncio.Event())
    assert await gaps(world) == []


@pytest.mark.fault(38)
async def test_what_was_missed_while_the_clock_ran_ahead_is_fetched_when_it_is_right_again(
    world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes
) -> None:
    lanes.versions(3, lost={2})
    world.clock.advance(3000)
    await Rig(world, kafka).turn()
    world.clock.advance(-3000)

    assert await filler(world, lanes).run_once(asyncio.Event()) == 1

    assert await gaps(world) == []


async def test_what_the_source_does_not_have_yet_is_asked_for_again(
    world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes
) -> None:
    lanes.versions(3, lost={2})
    await Rig(world, kafka).turn()
    del lanes.kept[WITHHOLDINGS][1:]

    await filler(world, lanes).run_once(asyncio.Event())

    assert await gaps(world) == [(2, 2)]
    assert await world.rows(select(stream_gaps.c.attempts)) == [(1,)]


async def test_what_is_purged_at_the_source_is_told_and_not_asked_for_again(
    world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes
) -> None:
    lanes.versions(9, lost={1, 2, 6})
    lanes.purged = 2
    await Rig(world, kafka).turn()

    await filler(world, lanes).run_once(asyncio.Event())

    c = stream_gaps.c
    assert await world.rows(select(c.first, c.last, c.purged_at.is_not(None))) == [(1, 2, True)]
    assert await lane(world) == (9, 0, None)
    assert world.metric("geowithhold_stream_gaps_purged_total", topic=TOPICS.withholdings) == 1
    assert await filler(world, lanes).run_once(asyncio.Event()) == 0
    assert 6 in await world.past()


async def test_of_a_gap_of_which_a_part_is_purged_the_rest_is_fetched(
    world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes
) -> None:
    lanes.versions(6, lost={1, 2, 3, 4, 5})
    lanes.purged = 2
    await Rig(world, kafka).turn()

    await filler(world, lanes).run_once(asyncio.Event())

    assert await gaps(world) == [(1, 2)]
    assert await world.past() == [3, 4, 5]


async def test_what_cannot_be_understood_at_the_source_either_is_set_aside_by_its_number_and_holds_its_key(
    world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes
) -> None:
    lanes.versions(4, lost={2, 3})
    await Rig(world, kafka).turn()
    lanes.kept[WITHHOLDINGS][2] = Record(KEY.encode(), b"garbage", ())

    await filler(world, lanes).run_once(asyncio.Event())

    assert await world.rows(select(quarantine.c.offset, quarantine.c.value)) == [(-3, b"garbage")]
    assert await gaps(world) == []
    assert await held(world) == [("IN", "account:a", None)]


async def test_digests_at_marks_are_kept_on_the_way(world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes) -> None:
    lanes.per_page = 1000
    lanes.versions(MARK_EVERY + 5, lost={3})
    rig = Rig(world, kafka)
    rig.source.per_poll = 1000
    await rig.turn()

    await filler(world, lanes).run_once(asyncio.Event())

    expected = digest_of(lanes.kept[WITHHOLDINGS][:MARK_EVERY])
    assert await world.rows(select(stream_marks.c.sequence, stream_marks.c.digest)) == [(MARK_EVERY, expected)]


async def test_two_that_fill_the_same_gap_do_no_harm(world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes) -> None:
    lanes.versions(8, lost={3, 4, 5})
    await Rig(world, kafka).turn()

    await asyncio.gather(*(filler(world, lanes).run_once(asyncio.Event()) for _ in range(3)))

    assert await gaps(world) == []
    assert await lane(world) == (8, 8, digest_of(lanes.kept[WITHHOLDINGS]))
    assert await world.past() == list(range(1, 8))


@pytest.mark.parametrize("step", [Step.WORK_DONE, Step.COMMITTED])
async def test_wherever_it_dies_another_completes(world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes, step: Step) -> None:
    lanes.versions(8, lost={2, 3, 4, 5})
    await Rig(world, kafka).turn()

    def die(at: Step) -> None:
        if at is step:
            raise Killed

    stop_observing = observe(die)
    with pytest.raises(Killed):
        await filler(world, lanes).run_once(asyncio.Event())
    stop_observing()
    await filler(world, lanes).run_once(asyncio.Event())

    assert await gaps(world) == []
    assert await lane(world) == (8, 8, digest_of(lanes.kept[WITHHOLDINGS]))


async def test_one_partition_that_cannot_be_filled_keeps_no_other_from_it(
    sqlite_world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes
) -> None:
    class Broken(FakeBlocklistLanes):
        async def events(self, topic: str, partition: int, *, after: int) -> list[Numbered]:
            if topic == TOPICS.directives:
                raise RuntimeError("a bug")
            return list(await FakeBlocklistLanes.events(self, topic, partition, after=after))

    broken = Broken(kafka)
    broken.publish(received(), decided(2, tally=counts(complied=1)), lost={1}, partition=DIRECTIVES)
    broken.versions(2, lost={1})
    await Rig(sqlite_world, kafka).turn()

    await filler(sqlite_world, broken).run_once(asyncio.Event())

    assert await sqlite_world.rows(select(stream_gaps.c.topic)) == [(TOPICS.directives,)]


async def test_it_fills_until_it_is_told_to_stop(sqlite_world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes) -> None:
    lanes.versions(3, lost={2})
    await Rig(sqlite_world, kafka).turn()
    stop = asyncio.Event()
    running = asyncio.create_task(filler(sqlite_world, lanes).run(stop))

    async def filled() -> bool:
        return await gaps(sqlite_world) == []

    await eventually(filled)
    stop.set()
    await running


async def test_told_to_stop_it_begins_nothing(sqlite_world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes) -> None:
    lanes.versions(3, lost={2})
    await Rig(sqlite_world, kafka).turn()
    stop = asyncio.Event()
    stop.set()

    await filler(sqlite_world, lanes).run_once(stop)

    assert lanes.asked == []
