import asyncio

from sqlalchemy import select

from services.notifier.tables import enforcement_points, enforcements
from shared.ids import TargetType
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import after, report, withholding


async def test_a_new_point_is_asked_for_all_that_stands_in_its_scope(world: World) -> None:
    await world.withhold(withholding("account:a"), withholding("hashtag:b"), withholding("account:c", jurisdiction="DE"))
    await world.withhold(withholding("hashtag:b", version=2))
    world.clock.advance(5)

    await world.register("search", "IN-PB", ack_within=10)

    assert await world.answers() == [("search", "account:a", 1, "pending"), ("search", "hashtag:b", 2, "pending")]
    assert set(await world.rows(select(enforcements.c.since, enforcements.c.due_at))) == {(after(5), after(15))}


async def test_a_point_that_changes_its_scope_is_asked_for_that_alone(world: World) -> None:
    await world.withhold(withholding("account:a"), withholding("hashtag:b"), withholding("account:c", jurisdiction="DE"))
    await world.register("search", "IN")
    await world.report(report("account:a"), report("hashtag:b"))

    await world.register("search", "IN", "DE", types=[TargetType.ACCOUNT])

    assert await world.answers() == [("search", "account:a", 1, "applied"), ("search", "account:c", 1, "pending")]


async def test_registering_again_changes_nothing(world: World) -> None:
    await world.withhold(withholding())
    await world.register()
    await world.report(report())

    await world.register()

    assert await world.answers() == [("search", "account:a", 1, "applied")]
    assert await world.count(enforcement_points) == 1


async def test_groups_are_expanded_and_kept_as_they_were_asked(world: World) -> None:
    await world.withhold(withholding(jurisdiction="DE"))

    await world.register("search", "EU")

    ((requested, expanded),) = await world.rows(select(enforcement_points.c.requested, enforcement_points.c.jurisdictions))
    assert requested == ["EU"]
    assert len(expanded) == 27
    assert len(await world.answers()) == 1


async def test_a_point_that_registers_while_versions_arrive_misses_none(world: World) -> None:
    await asyncio.gather(
        *(world.withhold(withholding(f"account:a{number}")) for number in range(10)),
        world.register(),
        *(world.withhold(withholding(f"account:b{number}")) for number in range(10)),
    )

    assert len(await world.answers()) == 20


async def test_a_point_without_anything_in_its_scope_is_asked_for_nothing(world: World) -> None:
    await world.withhold(withholding())

    await world.register("search", "DE")

    assert await world.answers() == []
