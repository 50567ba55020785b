"""Several writers at a time, which SQLite does not have: each waits for, or starts again after, the other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import text

from services.notifier.handlers.deadlines import run_out
from services.notifier.handlers.reports import record_reports
from services.notifier.handlers.unit import Unit
from services.notifier.handlers.withholdings import record_withholdings
from tests.integration.notifier.world import World
from tests.support.eventually import eventually
from tests.unit.notifier.builders import after, received, report, withholding

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


async def test_of_two_that_see_a_clock_run_out_one_records_the_breach(postgres_world: World) -> None:
    await postgres_world.tell(received(due_at=after(10)))
    postgres_world.clock.advance(10)

    await first_then_second(postgres_world, lambda unit: run_out(unit, limit=10), lambda unit: run_out(unit, limit=10))

    breaches = "geowithhold_deadline_breaches_total"
    assert postgres_world.metric(breaches, jurisdiction="IN", legal_basis="in-it-act-69a") == 1
