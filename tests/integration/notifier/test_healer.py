import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from services.notifier.domain.holes import Hole
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.healer import Healer
from services.notifier.store import holes
from services.notifier.tables import directives, revision_holes, version_holes
from shared.backoff import Backoff
from tests.integration.notifier.fakes import FakeBlocklist
from tests.integration.notifier.world import World
from tests.support.eventually import eventually
from tests.unit.notifier.builders import AT, DIRECTIVE, counts, decided, item, items, key, received, withholding

KEY = "IN/account:a"
STORY = [received(), items(2, item()), decided(3, tally=counts(complied=1)), decided(4, tally=counts(complied=1))]


def healer(world: World, blocklist: FakeBlocklist) -> Healer:
    backoff = Backoff(base=timedelta(seconds=10), cap=timedelta(seconds=40))
    return Healer(commands=world.commands, source=blocklist, backoff=backoff)


async def test_a_hole_is_filled_from_the_blocklist(world: World) -> None:
    blocklist = FakeBlocklist(published=[withholding(version=number) for number in range(1, 5)])
    await world.withhold(withholding(), withholding(version=4))

    assert await healer(world, blocklist).run_once(asyncio.Event()) == 1

    assert await world.holes() == {}
    assert await world.past() == [1, 2, 3]
    assert await healer(world, blocklist).run_once(asyncio.Event()) == 0


async def test_a_hole_of_unknown_end_brings_the_truth_about_the_key(world: World) -> None:
    blocklist = FakeBlocklist(published=[withholding(), withholding(version=2)])
    await world.withhold(withholding())
    await world.commands.run(lambda unit: holes.note_versions(unit.connection, {key(): Hole(2, None)}, AT))

    await healer(world, blocklist).run_once(asyncio.Event())

    assert await world.present() == {KEY: (2, "released")}
    assert await world.holes() == {}


async def test_a_key_that_the_blocklist_never_heard_of_is_not_asked_for_again(world: World) -> None:
    await world.commands.run(lambda unit: holes.note_versions(unit.connection, {key(): Hole(1, None)}, AT))

    await healer(world, FakeBlocklist()).run_once(asyncio.Event())

    assert await world.holes() == {}


async def test_while_the_blocklist_is_away_the_hole_waits_longer_and_longer(world: World) -> None:
    blocklist = FakeBlocklist(published=[withholding(version=number) for number in range(1, 4)], away=True)
    await world.withhold(withholding(version=3))
    tries = []
    for _ in range(100):
        tries.append(await healer(world, blocklist).run_once(asyncio.Event()))
        world.clock.advance(5)

    assert 10 < sum(tries) < 30
    blocklist.away = False
    world.clock.advance(60)
    await healer(world, blocklist).run_once(asyncio.Event())
    assert await world.holes() == {}


@pytest.mark.fault(38)
async def test_a_hole_that_was_found_while_the_clock_ran_ahead_is_filled_when_it_is_right_again(world: World) -> None:
    blocklist = FakeBlocklist(published=[withholding(version=number) for number in range(1, 4)])
    world.clock.advance(3000)
    await world.withhold(withholding(version=3))
    world.clock.advance(-3000)

    assert await healer(world, blocklist).run_once(asyncio.Event()) == 1

    assert await world.holes() == {}


async def test_a_history_that_does_not_fill_the_hole_is_asked_for_again(world: World) -> None:
    await world.withhold(withholding(version=3))

    await healer(world, FakeBlocklist(published=[withholding()])).run_once(asyncio.Event())

    assert await world.holes() == {KEY: (1, 2)}
    assert await world.rows(select(version_holes.c.attempts)) == [(1,)]


async def test_the_events_that_a_directive_misses_are_filled_in(world: World) -> None:
    blocklist = FakeBlocklist(told=[CaseRecord(event, AT) for event in STORY])
    await world.tell(STORY[0], STORY[3])

    await healer(world, blocklist).run_once(asyncio.Event())

    assert await world.count(revision_holes) == 0
    assert await world.rows(select(directives.c.revision)) == [(4,)]


async def test_a_timeline_that_does_not_reach_is_asked_for_again(world: World) -> None:
    await world.tell(STORY[0], STORY[3])

    await healer(world, FakeBlocklist(told=[CaseRecord(STORY[1], AT)])).run_once(asyncio.Event())

    assert await world.rows(select(revision_holes.c.first, revision_holes.c.attempts)) == [(2, 1)]


async def test_a_directive_that_the_blocklist_never_heard_of_is_not_asked_for_again(world: World) -> None:
    hole = {DIRECTIVE: Hole(1, None)}
    await world.commands.run(lambda unit: holes.note_revisions(unit.connection, hole, AT))

    await healer(world, FakeBlocklist()).run_once(asyncio.Event())

    assert await world.count(revision_holes) == 0


async def test_a_directive_of_which_only_garbage_came_is_learnt_whole(world: World) -> None:
    hole = {DIRECTIVE: Hole(1, None)}
    await world.commands.run(lambda unit: holes.note_revisions(unit.connection, hole, AT))

    await healer(world, FakeBlocklist(told=[CaseRecord(event, AT) for event in STORY])).run_once(asyncio.Event())

    assert await world.rows(select(directives.c.revision)) == [(4,)]
    assert await world.count(revision_holes) == 0


async def test_one_hole_that_cannot_be_filled_does_not_keep_the_others_from_it(world: World) -> None:
    blocklist = FakeBlocklist(published=[withholding(), withholding(version=2)])
    await world.withhold(withholding(version=2), withholding("account:b", version=2))
    blocklist.broken.add(key("account:b"))

    await healer(world, blocklist).run_once(asyncio.Event())

    assert await world.holes() == {"IN/account:b": (1, 1)}


async def test_it_heals_until_it_is_told_to_stop(sqlite_world: World) -> None:
    blocklist = FakeBlocklist(published=[withholding(), withholding(version=2)])
    stop = asyncio.Event()
    running = asyncio.create_task(healer(sqlite_world, blocklist).run(stop))

    await sqlite_world.withhold(withholding(version=2))

    past: list[int] = await eventually(sqlite_world.past)
    stop.set()
    await running
    assert past == [1]


async def test_told_to_stop_it_leaves_the_other_holes_for_later(sqlite_world: World) -> None:
    await sqlite_world.withhold(withholding(version=2))
    blocklist = FakeBlocklist()
    stop = asyncio.Event()
    stop.set()

    await healer(sqlite_world, blocklist).run_once(stop)

    assert blocklist.asked == 0
