"""Clocks of enforcement points differ from ours; none of them may say what happens tomorrow."""

from sqlalchemy import select

from services.notifier.handlers.reports import CLOCK_SKEW
from services.notifier.tables import enforcements
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import after, report, withholding


async def applied_at(world: World) -> object:
    ((found,),) = await world.rows(select(enforcements.c.applied_at))
    return found


async def test_a_point_that_is_a_little_ahead_is_taken_at_its_word(world: World) -> None:
    await world.register("search")
    await world.withhold(withholding())

    await world.report(report(at=after(CLOCK_SKEW.total_seconds())))

    assert await applied_at(world) == after(CLOCK_SKEW.total_seconds())


async def test_what_is_told_of_tomorrow_happened_at_the_latest_when_it_was_told(world: World) -> None:
    await world.register("search")
    await world.withhold(withholding())
    world.clock.advance(5)

    await world.report(report(at=after(24 * 3600)))

    assert await applied_at(world) == after(5)
