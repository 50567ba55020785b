import asyncio

import pytest
from sqlalchemy import delete, select, update

from services.notifier.deadlines import PER_TURN, Deadlines
from services.notifier.domain.clocks import ClockState
from services.notifier.domain.compliance import Compliance
from services.notifier.handlers.standing import CaseReport, report_on
from services.notifier.tables import clocks, directives
from shared.ids import Jurisdiction
from tests.integration.notifier.world import World
from tests.support.eventually import eventually
from tests.unit.notifier.builders import DIRECTIVE, after, counts, item, items, received, report, withholding

BREACHES = "geowithhold_deadline_breaches_total"


def deadlines(world: World, *, caught_up: bool = True, grace: float = 30) -> Deadlines:
    event = asyncio.Event()
    if caught_up:
        event.set()
    return Deadlines(commands=world.commands, clock=world.clock, caught_up=event, grace=grace)


async def ask(world: World) -> CaseReport:
    return await world.commands.ask(lambda unit: report_on(unit, DIRECTIVE))


@pytest.mark.fault(42)
async def test_an_answer_is_overdue_when_its_time_is_up_and_once(world: World) -> None:
    await world.register()
    await world.withhold(withholding("account:a"), withholding("account:b"))
    await world.report(report("account:a"))
    watch = deadlines(world)
    world.clock.advance(59)
    await watch.run_once()
    before = await world.answers()

    world.clock.advance(1)
    await watch.run_once()
    await watch.run_once()

    assert [row[3] for row in before] == ["applied", "pending"]
    assert [row[3] for row in await world.answers()] == ["applied", "overdue"]
    assert world.metric("geowithhold_answers_overdue_total", jurisdiction="IN") == 1


async def test_what_is_overdue_can_still_be_applied(world: World) -> None:
    await world.register()
    await world.withhold(withholding())
    world.clock.advance(61)
    await deadlines(world).run_once()

    await world.report(report(at=after(61)))

    assert [row[3] for row in await world.answers()] == ["applied"]


async def test_an_early_answer_of_a_point_that_is_not_registered_is_never_due(world: World) -> None:
    await world.report(report(state="failed"))
    world.clock.advance(10_000)

    assert not await deadlines(world).run_once()


async def received_with_clock(world: World) -> None:
    tally = counts(complied=1)
    places = (Jurisdiction("IN"), Jurisdiction("DE"))
    await world.register("search", "XX", ack_within=9000)
    claimed = item(places=("IN", "DE"))
    await world.tell(received(tally=tally, due_at=after(100), jurisdictions=places))
    await world.tell(items(2, claimed, tally=tally, due_at=after(100), jurisdictions=places))
    await world.withhold(withholding(), withholding(jurisdiction="DE"))


async def test_a_duty_that_is_not_met_in_time_is_breached_once(world: World) -> None:
    await received_with_clock(world)
    watch = deadlines(world)
    world.clock.advance(100)

    await watch.run_once()
    await watch.run_once()

    assert (await ask(world)).status is Compliance.OVERDUE
    for place in ("IN", "DE"):
        assert world.metric(BREACHES, jurisdiction=place, legal_basis="in-it-act-69a") == 1


async def test_a_breached_duty_that_is_met_afterwards_is_met_late(world: World) -> None:
    await received_with_clock(world)
    world.clock.advance(100)
    await deadlines(world).run_once()

    world.clock.advance(100)
    await world.report(report(at=after(150)), report(jurisdiction="DE", at=after(160)))

    found = await ask(world)
    assert ClockState.MET_LATE in [state for _, state in found.clocks]
    assert found.status is Compliance.COMPLIED


async def test_a_duty_met_in_time_stays_met_whatever_happens_later(world: World) -> None:
    await received_with_clock(world)
    await world.report(report(at=after(50)), report(jurisdiction="DE", at=after(60)))
    world.clock.advance(100)
    await deadlines(world).run_once()

    await world.report(report(state="reverted", at=after(500)))

    found = await ask(world)
    assert [state for clock, state in found.clocks if clock.verified] == [ClockState.MET]
    assert world.metric(BREACHES, jurisdiction="IN", legal_basis="in-it-act-69a") is None


async def test_a_duty_that_is_not_verified_is_never_breached(world: World) -> None:
    await world.tell(received())
    world.clock.advance(10_000_000)

    await deadlines(world).run_once()

    assert await world.rows(select(clocks.c.breached_at).where(clocks.c.breached_at.is_not(None))) == []


async def test_a_verified_duty_to_answer_is_breached_by_silence(world: World) -> None:
    """No legal basis that is shipped has one; the texts behind those that it has are not confirmed."""
    await world.tell(received())
    await world.database.write(
        lambda connection: connection.execute(update(clocks).values(verified=True, next_at=clocks.c.due_at))
    )
    world.clock.advance(2 * 3600)

    await deadlines(world).run_once()

    breached = await world.rows(select(clocks.c.duty).where(clocks.c.breached_at.is_not(None)))
    assert breached == [("ack",)]


async def test_more_than_one_turn_takes_is_recorded_too(sqlite_world: World) -> None:
    await sqlite_world.register()
    await sqlite_world.withhold(*(withholding(f"account:a{number}") for number in range(PER_TURN + 1)))
    sqlite_world.clock.advance(61)
    stop = asyncio.Event()
    task = asyncio.create_task(deadlines(sqlite_world).run(stop))

    async def all_overdue() -> bool:
        return {row[3] for row in await sqlite_world.answers()} == {"overdue"}

    found: bool = await eventually(all_overdue)
    stop.set()
    await task
    assert found


async def test_a_clock_of_nobody_is_not_passed_over_in_silence(world: World) -> None:
    await received_with_clock(world)
    await world.database.write(lambda connection: connection.execute(delete(directives)))
    world.clock.advance(100)

    with pytest.raises(LookupError):
        await deadlines(world).run_once()


@pytest.mark.fault(38)
async def test_the_loop_follows_a_clock_that_jumps(sqlite_world: World) -> None:
    await sqlite_world.register()
    await sqlite_world.withhold(withholding())
    stop = asyncio.Event()
    task = asyncio.create_task(deadlines(sqlite_world).run(stop))

    sqlite_world.clock.advance(3600)

    await eventually_overdue(sqlite_world)
    stop.set()
    await task


@pytest.mark.fault(42)
async def test_after_a_start_the_consumer_first_gets_time_to_catch_up(sqlite_world: World) -> None:
    await sqlite_world.register()
    await sqlite_world.withhold(withholding())
    sqlite_world.clock.advance(3600)
    stop = asyncio.Event()
    waiting = asyncio.create_task(deadlines(sqlite_world, caught_up=False).run(stop))
    await sqlite_world.report(report())
    stop.set()
    await waiting

    assert await states(sqlite_world, "applied")


@pytest.mark.fault(42)
async def test_time_runs_out_while_kafka_is_away_too(sqlite_world: World) -> None:
    await sqlite_world.register()
    await sqlite_world.withhold(withholding())
    sqlite_world.clock.advance(3600)
    stop = asyncio.Event()
    task = asyncio.create_task(deadlines(sqlite_world, caught_up=False, grace=0.01).run(stop))

    await eventually_overdue(sqlite_world)
    stop.set()
    await task


async def states(world: World, expected: str) -> bool:
    return [row[3] for row in await world.answers()] == [expected]


async def eventually_overdue(world: World) -> None:
    async def overdue() -> bool:
        return await states(world, "overdue")

    found: bool = await eventually(overdue)
    assert found
