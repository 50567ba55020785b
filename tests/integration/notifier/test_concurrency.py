"""Several writers at a time, which SQLite does not have: each waits for, or starts again after, the other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import select, text

from services.notifier.handlers.cases import record_case_events
from services.notifier.handlers.deadlines import look_at_items
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.handlers.reports import record_reports
from services.notifier.handlers.unit import Unit
from services.notifier.handlers.withholdings import record_withholdings
from services.notifier.tables import clocks
from tests.integration.notifier.world import World
from tests.support.eventually import eventually
from tests.unit.notifier.builders import after, counts, received, report, rescinded, withholding

Work = Callable[[Unit], Awaitable[Any]]


async def first_then_second(world: World, first: Work, second: Work) -> None:
    """The second begins when the first has done its work, and the first commits when the second waits for it."""
    worked, go = asyncio.Event(), asyncio.Event()

    async def held(unit: Unit) -> None:
        await first(unit)
        worked.set()
        await go.wait()

    one = asyncio.create_task(world.commands.run(held))
    await worked.wait()
    other = asyncio.create_task(world.commands.run(second))

    async def somebody_waits() -> bool:
        return bool(await world.rows(text("SELECT 1 FROM pg_locks WHERE NOT granted")))  # type: ignore[arg-type]

    waits: bool = await eventually(somebody_waits)
    go.set()
    await asyncio.gather(one, other)
    assert waits


async def test_of_two_first_versions_of_a_key_one_comes_first(postgres_world: World) -> None:
    await first_then_second(
        postgres_world,
        lambda unit: record_withholdings(unit, [withholding(version=1)]),
        lambda unit: record_withholdings(unit, [withholding(version=2)]),
    )

    assert await postgres_world.present() == {"IN/account:a": (2, "released")}
    assert await postgres_world.past() == [1]
    assert await postgres_world.holes() == {}


async def test_of_two_early_reports_on_a_version_one_comes_first(postgres_world: World) -> None:
    await first_then_second(
        postgres_world,
        lambda unit: record_reports(unit, [report(state="failed")]),
        lambda unit: record_reports(unit, [report(state="applied")]),
    )

    assert await postgres_world.answers(current=False) == [("search", "account:a", 1, "applied")]


async def test_a_report_waits_for_the_version_that_is_being_recorded(postgres_world: World) -> None:
    await postgres_world.register()
    await postgres_world.withhold(withholding())

    await first_then_second(
        postgres_world,
        lambda unit: record_withholdings(unit, [withholding(version=2)]),
        lambda unit: record_reports(unit, [report(version=2)]),
    )

    assert await postgres_world.answers() == [("search", "account:a", 2, "applied")]


async def test_a_clock_that_somebody_has_in_hand_is_left_to_them(postgres_world: World) -> None:
    await postgres_world.tell(received(due_at=after(10)))
    postgres_world.clock.advance(10)

    async def both(unit: Unit) -> None:
        await look_at_items(unit, limit=10)
        await postgres_world.let_time_work()

    await postgres_world.commands.run(both)

    assert postgres_world.metric(BREACHES, jurisdiction="IN", legal_basis="in-it-act-69a") == 1


async def test_an_event_waits_for_the_breach_that_is_being_recorded_and_keeps_it(postgres_world: World) -> None:
    await postgres_world.tell(received(due_at=after(10)))
    postgres_world.clock.advance(10)
    rescind = CaseRecord(rescinded(2, tally=counts(withdrawn=1), due_at=after(10)), after(10))

    await first_then_second(
        postgres_world,
        lambda unit: look_at_items(unit, limit=10),
        lambda unit: record_case_events(unit, [rescind]),
    )

    c = clocks.c
    assert await postgres_world.rows(select(c.state, c.breached_at).where(c.duty == "restrict")) == [("void", after(10))]
    assert postgres_world.metric(BREACHES, jurisdiction="IN", legal_basis="in-it-act-69a") == 1


BREACHES = "geowithhold_deadline_breaches_total"
