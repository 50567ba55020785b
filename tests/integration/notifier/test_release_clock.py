"""The time to release is a clock like the time to block: from the act that ended claims to the last point that let go."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from services.notifier.tables import clocks
from shared.events import Counts, DirectiveReleased, DirectiveStayed, ItemChanged, WithholdingChanged, compliance
from shared.ids import DirectiveId
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import (
    AT,
    DIRECTIVE,
    OTHER_DIRECTIVE,
    after,
    counts,
    item,
    items,
    received,
    report,
    rescinded,
    withholding,
)

HOUR = 3600
LET_GO: dict[str, Any] = {"decision": "released", "cause": "platform_decision"}
ONE = counts(released={"platform_decision": 1})


def releasing(revision: int, *, tally: Counts = ONE, released: int = 1) -> DirectiveReleased:
    told = items(revision, tally=tally)
    same = {name: getattr(told, name) for name in told.__dataclass_fields__ if name != "items"}
    return DirectiveReleased(**same, cause="platform_decision", released=released)


async def withheld(world: World, *directives: DirectiveId) -> None:
    """One account, claimed by the directives, and applied at both points."""
    await world.register("search")
    await world.register("cdn")
    for directive in directives or (DIRECTIVE,):
        tally = counts(complied=1)
        await world.tell(received(directive=directive, tally=tally), items(2, item(), directive=directive, tally=tally))
    await world.withhold(naming(1, *directives))
    await world.report(report(), report(point="cdn"))


def naming(version: int, *directives: DirectiveId) -> WithholdingChanged:
    return replace(withholding(version=version), directives=directives or (DIRECTIVE,))


async def release(world: World, revision: int = 3, *changed: ItemChanged) -> None:
    await world.tell(releasing(revision), items(revision + 1, *(changed or (item(**LET_GO),)), tally=ONE))


async def clock(world: World) -> list[tuple[Any, ...]]:
    c = clocks.c
    return await world.rows(select(c.state, c.starts_at, c.due_at, c.met_at).where(c.duty == "release"))


async def wait(world: World, seconds: float) -> None:
    world.clock.advance(seconds)
    await world.let_time_work()


async def told(world: World) -> list[str]:
    found = [envelope.data for envelope in await world.findings()]
    return [type(each).__name__ for each in found if isinstance(each, compliance.ClockFinding) and each.duty == "release"]


async def test_it_is_met_when_every_point_has_applied_the_release(world: World) -> None:
    await withheld(world)
    await release(world)
    await world.withhold(naming(2))
    await world.report(report(version=2, at=after(20)))
    await wait(world, 30)
    before = await clock(world)

    await world.report(report(version=2, point="cdn", at=after(25)))
    await wait(world, 30)

    assert before == [("running", AT, after(HOUR), None)]
    assert await clock(world) == [("met", AT, after(HOUR), after(25))]
    assert await told(world) == ["ClockStarted", "ClockMet"]
    assert world.metric("geowithhold_time_to_release_seconds_sum", jurisdiction="IN") == pytest.approx(25)


async def test_it_warns_and_is_breached_like_the_time_to_block(world: World) -> None:
    await withheld(world)
    await release(world)
    await world.withhold(naming(2))
    for seconds in (HOUR / 2, 0.3 * HOUR, 0.2 * HOUR):
        await wait(world, seconds)

    assert await told(world) == ["ClockStarted", "ClockWarned", "ClockWarned", "ClockBreached"]
    assert world.metric("geowithhold_deadline_breaches_total", jurisdiction="IN", legal_basis="in-it-act-69a") == 1


async def test_a_release_that_has_not_reached_us_is_awaited(world: World) -> None:
    """No order is promised between topics: the case may tell of what the withholdings will tell later."""
    await withheld(world)
    await release(world)

    await wait(world, 60)

    assert [state for state, *_ in await clock(world)] == ["running"]


async def test_items_that_have_not_told_of_their_end_yet_are_awaited(world: World) -> None:
    await withheld(world)
    await world.tell(releasing(3))

    await wait(world, 60)

    assert [state for state, *_ in await clock(world)] == ["running"]


async def test_what_another_directive_still_claims_is_not_awaited(world: World) -> None:
    await withheld(world, DIRECTIVE, OTHER_DIRECTIVE)
    await release(world)

    await wait(world, 60)

    assert await clock(world) == [("met", AT, after(HOUR), AT)]


async def test_what_another_directive_claims_only_in_suspense_is_awaited(world: World) -> None:
    await withheld(world, DIRECTIVE, OTHER_DIRECTIVE)
    await world.tell(items(3, item(suspended=True), directive=OTHER_DIRECTIVE))
    await release(world)

    await wait(world, 60)

    assert [state for state, *_ in await clock(world)] == ["running"]


async def test_a_release_where_no_point_has_to_let_go_is_met_at_once(world: World) -> None:
    tally = counts(complied=1)
    await world.tell(received(tally=tally), items(2, item(), tally=tally))
    await world.withhold(naming(1), naming(2))
    await release(world)

    await wait(world, 60)

    assert await clock(world) == [("met", AT, after(HOUR), AT)]


async def test_a_second_release_gives_no_more_time_to_the_first_and_starts_anew_after_it(world: World) -> None:
    await withheld(world)
    await release(world)
    world.clock.advance(100)
    await world.tell(releasing(5))
    while_running = await clock(world)
    await world.withhold(naming(2))
    await world.report(report(version=2, at=after(120)), report(version=2, point="cdn", at=after(120)))
    await wait(world, 60)

    await world.tell(releasing(6))
    await world.tell(releasing(5))

    assert while_running == [("running", AT, after(HOUR), None)]
    assert await clock(world) == [("running", after(160), after(160 + HOUR), None)]


async def test_it_outlives_the_directive_that_released(world: World) -> None:
    await withheld(world)
    tally = counts(released={"rescinded": 1})
    lifted = item(decision="released", cause="rescinded")
    await world.tell(rescinded(3, tally=tally), items(4, lifted, tally=tally, status="rescinded"))

    await wait(world, 2 * HOUR)

    assert [state for state, *_ in await clock(world)] == ["breached"]


@pytest.mark.parametrize(("suspended", "expected"), [(1, ["running"]), (0, [])])
async def test_a_stay_that_suspends_claims_starts_it(world: World, suspended: int, expected: list[str]) -> None:
    await withheld(world)
    told = items(3, tally=counts(complied=1), status="stayed")
    same = {name: getattr(told, name) for name in told.__dataclass_fields__ if name != "items"}

    await world.tell(DirectiveStayed(**same, suspended=suspended))

    assert [state for state, *_ in await clock(world)] == expected


async def test_a_release_that_ended_no_claim_starts_nothing(world: World) -> None:
    await withheld(world)

    await world.tell(releasing(3, released=0))

    assert await clock(world) == []
