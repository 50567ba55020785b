from dataclasses import replace

import pytest
from sqlalchemy import select

from services.notifier.domain.enforcement import EnforcementState as S
from services.notifier.tables import enforcements, withholdings
from shared.ids import TargetType
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import after, report, withholding

KEY = "IN/account:a"


async def test_a_first_block_is_one_row_and_asked_of_every_point_in_its_scope(world: World) -> None:
    await world.register("search", "IN")
    await world.register("timeline", "XX")
    await world.register("berlin", "DE")
    await world.register("hashtags", "IN", types=[TargetType.HASHTAG])

    await world.withhold(withholding())

    assert await world.present() == {KEY: (1, "withheld")}
    assert await world.past() == []
    assert await world.answers() == [("search", "account:a", 1, "pending"), ("timeline", "account:a", 1, "pending")]


async def test_the_answer_is_due_when_the_points_own_time_is_up(world: World) -> None:
    await world.register(ack_within=90)
    world.clock.advance(10)

    await world.withhold(withholding())

    assert await world.rows(select(enforcements.c.since, enforcements.c.due_at)) == [(after(10), after(100))]


async def test_the_version_before_moves_to_the_history(world: World) -> None:
    await world.withhold(withholding())

    await world.withhold(withholding(version=2))

    assert await world.present() == {KEY: (2, "released")}
    assert await world.past() == [1]


async def test_what_arrives_again_changes_nothing(world: World) -> None:
    await world.withhold(withholding(), withholding(version=2))

    await world.withhold(withholding(version=2), withholding(), withholding(version=2))

    assert await world.present() == {KEY: (2, "released")}
    assert await world.past() == [1]
    assert world.metric("geowithhold_contradictions_total") == 0


async def test_a_version_that_skips_others_applies_at_once_and_leaves_a_hole(world: World) -> None:
    await world.withhold(withholding())

    await world.withhold(withholding(version=4))

    assert await world.present() == {KEY: (4, "released")}
    assert await world.holes() == {KEY: (2, 3)}
    assert world.metric("geowithhold_version_holes_total") == 1


async def test_a_key_first_seen_at_a_later_version_has_a_hole_before_it(world: World) -> None:
    await world.withhold(withholding(version=3))

    assert await world.holes() == {KEY: (1, 2)}


async def test_holes_of_one_key_are_one_row(world: World) -> None:
    await world.withhold(withholding(version=3), withholding(version=6))

    await world.withhold(withholding(version=9))

    assert await world.holes() == {KEY: (1, 8)}


async def test_a_version_that_comes_late_fills_the_hole(world: World) -> None:
    await world.withhold(withholding(version=1), withholding(version=4))

    await world.withhold(withholding(version=3))
    assert await world.holes() == {KEY: (2, 3)}
    await world.withhold(withholding(version=2))

    assert await world.holes() == {}
    assert await world.past() == [1, 2, 3]
    assert await world.present() == {KEY: (4, "released")}


@pytest.mark.parametrize("version", [1, 2])
async def test_the_same_version_with_other_content_is_noticed_and_not_believed(world: World, version: int) -> None:
    await world.withhold(withholding(version=1), withholding(version=2))

    await world.withhold(replace(withholding(version=version), label="local_law"))

    assert world.metric("geowithhold_contradictions_total") == 1
    assert await world.rows(select(withholdings.c.label)) == [("legal_demand",)]


async def test_a_newer_version_overtakes_what_was_not_applied(world: World) -> None:
    for point in ("a", "b", "c", "d", "e"):
        await world.register(point)
    await world.withhold(withholding())
    await world.report(
        report(point="a"),
        report(point="b", state="failed"),
        report(point="d"),
        report(point="d", state="reverted", at=after(1)),
    )

    await world.withhold(withholding(version=2))

    assert [row[3] for row in await world.answers()] == [S.PENDING] * 5
    assert [row[3] for row in await world.answers(current=False)] == [S.APPLIED, *[S.SUPERSEDED] * 4]


async def test_several_versions_in_one_batch_ask_for_the_last_alone(world: World) -> None:
    await world.register()

    await world.withhold(*(withholding(version=number) for number in (1, 2, 3)))

    assert await world.answers() == [("search", "account:a", 3, "pending")]
    assert await world.answers(current=False) == []
    assert await world.past() == [1, 2]


async def test_an_answer_that_came_before_its_version_counts_when_the_version_comes(world: World) -> None:
    await world.register()
    world.clock.advance(5)
    await world.report(report(version=1, at=after(3)))

    await world.withhold(withholding())

    assert await world.answers() == [("search", "account:a", 1, "applied")]
    labels = {"jurisdiction": "IN", "change": "block"}
    assert world.metric("geowithhold_time_to_enforce_seconds_sum", **labels) == 3


async def test_an_early_answer_to_a_version_that_was_skipped_is_overtaken(world: World) -> None:
    await world.register()
    await world.report(report(version=1, state="failed"))

    await world.withhold(withholding(version=2))

    assert await world.answers(current=False) == [("search", "account:a", 1, "superseded")]


async def test_keys_of_one_target_are_told_apart_by_jurisdiction(world: World) -> None:
    await world.withhold(withholding(), withholding(jurisdiction="DE"), withholding(version=2))

    assert await world.present() == {KEY: (2, "released"), "DE/account:a": (1, "withheld")}


async def test_a_large_batch_takes_effect_whole(world: World) -> None:
    """More keys than a statement takes parameters on SQLite."""
    await world.register()
    targets = [f"account:a{number}" for number in range(1500)]

    await world.withhold(*(withholding(target) for target in targets))
    await world.withhold(*(withholding(target, version=2) for target in targets))

    assert len(await world.answers()) == 1500
    assert set((await world.present()).values()) == {(2, "released")}
