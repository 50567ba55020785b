"""Checkpoints: whether all has come, as it was sent."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import insert, select, update

from services.notifier.auditor import Auditor
from services.notifier.domain.checkpoints import LONGEST_PATIENCE, PATIENCE
from services.notifier.filler import Filler
from services.notifier.metrics import StateMetrics
from services.notifier.tables import checkpoints, offsets, quarantine, state_digests, stream_gaps, stream_marks
from shared.events import StateDigested
from shared.events.chain import MARK_EVERY
from shared.ids import Jurisdiction
from tests.integration.notifier.fakes import TOPICS, WITHHOLDINGS, FakeKafka
from tests.integration.notifier.lanes import CHECKPOINTS, KEY, FakeBlocklistLanes, digest_of
from tests.integration.notifier.rig import Rig
from tests.integration.notifier.world import World
from tests.support.eventually import eventually
from tests.unit.notifier.builders import AT, after, record, withholding

TOPIC = {"topic": TOPICS.withholdings}


@pytest.fixture
def lanes(kafka: FakeKafka) -> FakeBlocklistLanes:
    return FakeBlocklistLanes(kafka, per_page=1000)


class Watch:
    """A notifier with its consumer, filler and auditor, each of which works when it is told."""

    def __init__(self, world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes) -> None:
        self._world = world
        self.rig = Rig(world, kafka)
        self.rig.source.per_poll = 1000
        self.filler = Filler(commands=world.commands, source=lanes, topics=TOPICS)
        self.auditor = Auditor(commands=world.commands, topics=TOPICS)

    async def look(self, seconds: float = 0) -> None:
        self._world.clock.advance(seconds)
        await self.rig.turn()
        await self.auditor.run_once()
        await self.filler.run_once(asyncio.Event())
        await self.auditor.run_once()


@pytest.fixture
def watch(world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes) -> Watch:
    return Watch(world, kafka, lanes)


async def verified(world: World) -> list[tuple[object, ...]]:
    c = offsets.c
    return await world.rows(select(c.verified_sequence, c.verified_at).where(c.topic == TOPICS.withholdings))


def mismatches(world: World) -> float:
    return world.metric("geowithhold_checkpoint_mismatches_total", **TOPIC) or 0


async def test_what_came_as_it_was_sent_is_verified(world: World, lanes: FakeBlocklistLanes, watch: Watch) -> None:
    lanes.versions(5)
    lanes.checkpoint()

    await watch.look()

    assert await verified(world) == [(5, AT)]
    assert mismatches(world) == 0


@pytest.mark.fault(28)
async def test_the_last_event_is_lost_and_fetched_once_its_checkpoint_has_waited(
    world: World, lanes: FakeBlocklistLanes, watch: Watch
) -> None:
    lanes.versions(5, lost={4, 5})
    lanes.checkpoint()
    await watch.look()
    await watch.look(PATIENCE.total_seconds() - 1)
    assert await world.present() == {KEY: (3, "withheld")}

    await watch.look(1)

    assert await world.present() == {KEY: (5, "withheld")}
    assert await world.count(stream_gaps) == 0
    assert (await verified(world))[0][0] == 5
    assert world.metric("geowithhold_stream_gaps_total", **TOPIC) == 1


@pytest.mark.fault(28)
async def test_what_lies_unread_is_not_lost_however_long_its_checkpoint_waits(
    world: World, lanes: FakeBlocklistLanes, watch: Watch
) -> None:
    """As while partitions move, or their consumer was stopped: checkpoints come by a partition of their own."""
    lanes.versions(3)
    lanes.checkpoint()
    watch.rig.source.elsewhere.add(WITHHOLDINGS)
    await watch.look()
    for _ in range(5):
        await watch.look(PATIENCE.total_seconds())
    assert (lanes.asked, await world.count(stream_gaps), await world.present()) == ([], 0, {})

    watch.rig.source.elsewhere.remove(WITHHOLDINGS)
    await watch.look()

    assert (lanes.asked, (await verified(world))[0][0]) == ([], 3)
    assert world.metric("geowithhold_stream_gaps_total", **TOPIC) is None


@pytest.mark.fault(28)
async def test_a_checkpoint_is_fetched_up_to_once_nobody_has_said_for_long_what_lies_unread(
    world: World, lanes: FakeBlocklistLanes, watch: Watch
) -> None:
    lanes.versions(3, lost={3})
    lanes.checkpoint()
    await watch.look()
    watch.rig.source.elsewhere.add(WITHHOLDINGS)
    await watch.look(LONGEST_PATIENCE.total_seconds() - 1)
    assert lanes.asked == []

    await watch.look(1)

    assert (lanes.asked, (await verified(world))[0][0]) == ([2], 3)


@pytest.mark.fault(28)
async def test_who_read_to_the_end_before_a_further_checkpoint_came_may_not_have_seen_what_it_speaks_of(
    world: World, lanes: FakeBlocklistLanes, watch: Watch
) -> None:
    lanes.versions(3, lost={3})
    lanes.checkpoint()
    await watch.look()
    await watch.rig.turn()
    lanes.versions(1)
    lanes.checkpoint()
    watch.rig.source.elsewhere.add(WITHHOLDINGS)

    world.clock.advance(PATIENCE.total_seconds())
    await watch.rig.turn()
    await watch.auditor.run_once()

    assert await world.count(stream_gaps) == 0


async def test_an_end_that_cannot_be_told_holds_nobody_up(world: World, lanes: FakeBlocklistLanes, watch: Watch) -> None:
    lanes.versions(2, lost={2})
    lanes.checkpoint()
    await watch.look()
    watch.rig.ends.faults.append(ConnectionError("away"))
    await watch.look(PATIENCE.total_seconds())
    assert (watch.rig.ends.faults, lanes.asked) == ([], [])

    await watch.look(1)

    assert (lanes.asked, await world.present()) == ([1], {KEY: (2, "released")})


@pytest.mark.fault(28)
async def test_a_lane_of_which_nothing_came_at_all_is_fetched(
    world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes, watch: Watch
) -> None:
    kafka.write(WITHHOLDINGS)
    lanes.versions(3, lost={1, 2, 3})
    lanes.checkpoint()

    await watch.look()
    await watch.look(PATIENCE.total_seconds())

    assert await world.present() == {KEY: (3, "withheld")}
    assert await watch.rig.source.positions.find(WITHHOLDINGS) is None


async def test_what_is_lost_is_told_once_however_long_the_blocklist_is_away(
    world: World, lanes: FakeBlocklistLanes, watch: Watch
) -> None:
    lanes.versions(3, lost={3})
    lanes.checkpoint()
    lanes.away = True
    for _ in range(5):
        await watch.look(PATIENCE.total_seconds())

    assert world.metric("geowithhold_stream_gaps_total", **TOPIC) == 1


async def test_a_lane_that_moves_is_waited_for(world: World, lanes: FakeBlocklistLanes, watch: Watch) -> None:
    lanes.versions(9)
    lanes.checkpoint()
    watch.rig.source.per_poll = 1
    for _ in range(9):
        await watch.look(PATIENCE.total_seconds() * 0.9)

    assert lanes.asked == []
    assert (await verified(world))[0][0] == 9


async def test_who_is_past_a_checkpoint_compares_at_its_mark(world: World, lanes: FakeBlocklistLanes, watch: Watch) -> None:
    lanes.versions(MARK_EVERY + 20)
    lanes.checkpoint()
    lanes.versions(7)

    await watch.look()

    assert (await verified(world))[0][0] == MARK_EVERY
    lanes.checkpoint()
    await watch.look()
    assert (await verified(world))[0][0] == MARK_EVERY + 27
    assert await world.count(stream_marks) == 0


@pytest.mark.fault(27)
async def test_what_came_other_than_it_was_sent_is_alarmed_about_and_fetched_again(
    world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes, watch: Watch
) -> None:
    """As when a log was cut off and filled again: the numbers go on, and one of them says something else."""
    lanes.versions(2)
    lanes.checkpoint()
    await watch.look()
    sent = lanes.publish(withholding("account:b"), withholding("account:c"), lost={3})
    kafka.write(WITHHOLDINGS, sent[0]._replace(key=b"IN/account:x", value=record(withholding("account:x")).value))
    kafka.logs[WITHHOLDINGS][-2:] = [
        kafka.logs[WITHHOLDINGS][-1]._replace(offset=2),
        kafka.logs[WITHHOLDINGS][-2]._replace(offset=3),
    ]
    lanes.checkpoint()

    await watch.look()

    assert mismatches(world) == 1
    assert "IN/account:b" in await world.present()
    assert lanes.asked == [2]
    assert (await verified(world))[0][0] == 4
    assert await world.count(stream_gaps) == 0


async def test_a_source_that_contradicts_its_own_checkpoint_is_alarmed_about_twice_and_then_followed(
    world: World, lanes: FakeBlocklistLanes, watch: Watch
) -> None:
    lanes.versions(2)
    wrong = "ab" * 32
    lanes.checkpoint(digest=wrong)

    for _ in range(3):
        await watch.look(1)

    assert mismatches(world) == 2
    assert await verified(world) == [(None, None)]
    assert await world.rows(select(offsets.c.digest).where(offsets.c.topic == TOPICS.withholdings)) == [(wrong,)]


async def test_after_what_was_purged_the_digest_goes_on_from_a_checkpoint(
    world: World, lanes: FakeBlocklistLanes, watch: Watch
) -> None:
    lanes.versions(6, lost={1, 2})
    lanes.purged = 4
    await watch.look()
    lanes.checkpoint()
    await watch.look()
    lanes.versions(1)
    lanes.checkpoint()
    await watch.look()

    assert (await verified(world))[0][0] == 7
    assert await world.rows(select(stream_gaps.c.first, stream_gaps.c.purged_at.is_not(None))) == [(1, True)]


async def test_an_end_that_is_purged_at_the_source_is_told_once(world: World, lanes: FakeBlocklistLanes, watch: Watch) -> None:
    lanes.versions(3, lost={3})
    lanes.checkpoint()
    lanes.purged = 3
    for _ in range(5):
        await watch.look(PATIENCE.total_seconds())

    assert world.metric("geowithhold_stream_gaps_total", **TOPIC) == 1
    assert world.metric("geowithhold_stream_gaps_purged_total", **TOPIC) == 1
    assert await world.rows(select(stream_gaps.c.first, stream_gaps.c.last, stream_gaps.c.purged_at.is_not(None))) == [
        (3, 3, True)
    ]
    lanes.versions(1)
    lanes.checkpoint()
    await watch.look()
    assert (await verified(world))[0][0] == 4


async def test_a_lane_that_cannot_be_compared_keeps_no_other_from_it(
    world: World, kafka: FakeKafka, lanes: FakeBlocklistLanes, watch: Watch
) -> None:
    """Whoever may write to the topic may write half a byte."""
    lanes.versions(3)
    odd = replace(lanes.checkpoint(), topic=TOPICS.directives, digest="a")
    kafka.write(CHECKPOINTS, odd)

    await watch.look()

    assert await verified(world) == [(3, AT)]


async def test_an_old_checkpoint_does_not_replace_a_newer_one(world: World, kafka: FakeKafka, watch: Watch) -> None:
    lanes = FakeBlocklistLanes(kafka)
    lanes.versions(2)
    newer = lanes.checkpoint()
    kafka.write(CHECKPOINTS, replace(newer, sequence=1, digest=""))
    await watch.rig.turn()
    kafka.write(CHECKPOINTS, replace(newer, sequence=1, digest=""))
    await watch.rig.turn()

    assert await world.rows(select(checkpoints.c.sequence, checkpoints.c.digest)) == [(2, digest_of(lanes.kept[WITHHOLDINGS]))]


async def test_what_no_checkpoint_may_speak_of_is_set_aside(world: World, kafka: FakeKafka, watch: Watch) -> None:
    made = FakeBlocklistLanes(kafka).checkpoint()
    kafka.write(CHECKPOINTS, replace(made, topic=TOPICS.compliance))

    await watch.look()

    assert await world.count(quarantine) == 1
    assert await world.count(checkpoints) == 1


async def test_digests_of_states_are_taken_in(world: World, kafka: FakeKafka, watch: Watch) -> None:
    made = StateDigested(jurisdiction=Jurisdiction("IN"), epoch=1, as_of=AT, keys=1, withheld=1, digest="ab" * 32, at=AT)
    kafka.write(CHECKPOINTS, made)

    await watch.look()

    assert await world.count(quarantine) == 0


async def test_several_that_compare_at_a_time_do_no_harm(world: World, lanes: FakeBlocklistLanes, watch: Watch) -> None:
    lanes.versions(2)
    lanes.checkpoint(digest="ab" * 32)
    await watch.rig.turn()

    await asyncio.gather(*(Auditor(commands=world.commands, topics=TOPICS).run_once() for _ in range(3)))

    assert mismatches(world) == 1


async def test_its_age_and_what_is_missing_show(world: World, lanes: FakeBlocklistLanes, watch: Watch) -> None:
    state = StateMetrics(world.instruments, world.database, world.clock, dict)
    lanes.versions(3, lost={2})
    lanes.checkpoint()
    lanes.away = True
    await watch.look(7)
    await state.refresh()
    assert world.metric("geowithhold_stream_gaps_open", state="waiting", **TOPIC) == 1
    assert world.metric("geowithhold_checkpoint_age_seconds", **TOPIC) == 7

    lanes.away = False
    world.clock.advance(60)
    await watch.look()
    world.clock.advance(5)
    await state.refresh()

    assert world.metric("geowithhold_stream_gaps_open", state="waiting", **TOPIC) is None
    assert world.metric("geowithhold_checkpoint_age_seconds", **TOPIC) == 5


async def test_it_compares_until_it_is_told_to_stop(sqlite_world: World, kafka: FakeKafka) -> None:
    lanes = FakeBlocklistLanes(kafka)
    lanes.versions(3)
    lanes.checkpoint()
    await Rig(sqlite_world, kafka).turn()
    stop = asyncio.Event()
    running = asyncio.create_task(Auditor(commands=sqlite_world.commands, topics=TOPICS).run(stop))

    async def compared() -> bool:
        return await verified(sqlite_world) == [(3, AT)]

    await eventually(compared)
    stop.set()
    await running


async def test_what_was_purged_is_made_up_for_once_every_jurisdiction_agrees_since(
    world: World, lanes: FakeBlocklistLanes, watch: Watch
) -> None:
    lanes.versions(3, lost={1})
    lanes.purged = 1
    await watch.look()
    await watch.auditor.run_once()
    assert await world.count(stream_gaps) == 1

    common = {"epoch": 1, "as_of": after(1), "keys": 1, "withheld": 1, "digest": "ab" * 32, "mismatches": 0}
    told = [{**common, "jurisdiction": place, "agreed_as_of": at} for place, at in (("IN", after(1)), ("FR", None))]
    await world.database.write(lambda connection: connection.execute(insert(state_digests), told))
    await watch.auditor.run_once()
    assert await world.count(stream_gaps) == 1

    await world.database.write(lambda connection: connection.execute(update(state_digests).values(agreed_as_of=after(1))))
    await watch.auditor.run_once()
    assert await world.count(stream_gaps) == 0
