"""What every notifier of a group does at once: two that do the same do no harm."""

import asyncio

from sqlalchemy import select

from services.notifier.deadlines import Deadlines
from services.notifier.healer import Healer
from services.notifier.tables import enforcements, version_holes
from tests.integration.notifier.fakes import FakeBlocklist
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import withholding

AT_A_TIME = 4


async def test_several_that_heal_the_same_hole_fill_it_once(world: World) -> None:
    blocklist = FakeBlocklist(published=[withholding(version=number) for number in range(1, 6)])
    await world.withhold(withholding(version=5))

    await asyncio.gather(*(Healer(commands=world.commands, source=blocklist).run_once(asyncio.Event()) for _ in range(AT_A_TIME)))

    assert await world.past() == [1, 2, 3, 4]
    assert await world.count(version_holes) == 0
    assert world.metric("geowithhold_contradictions_total") == 0


async def test_several_that_look_at_the_same_deadlines_record_each_once(world: World) -> None:
    await world.register()
    await world.withhold(*(withholding(f"account:{number}") for number in range(30)))
    world.clock.advance(60)

    def watch() -> Deadlines:
        return Deadlines(commands=world.commands, clock=world.clock, caught_up=asyncio.Event())

    await asyncio.gather(*(watch().run_once() for _ in range(AT_A_TIME)))

    assert await world.rows(select(enforcements.c.state).distinct()) == [("overdue",)]
    assert world.metric("geowithhold_answers_overdue_total", jurisdiction="IN") == 30
    assert len(await world.findings()) == 30
