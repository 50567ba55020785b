import pytest
from sqlalchemy import select

from services.notifier.handlers.reports import Reported
from services.notifier.tables import enforcements
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import after, report, withholding

SEARCH = ("search", "account:a")


@pytest.fixture
async def asked(world: World) -> World:
    """One point, asked for the first version of one key."""
    await world.register()
    await world.withhold(withholding())
    world.clock.advance(100)
    return world


async def test_a_point_tells_that_it_has_applied_a_version(asked: World) -> None:
    told = await asked.report(report(at=after(2), detail="shard 7"))

    assert told == Reported(accepted=1, ignored=0)
    c = enforcements.c
    row = (await asked.rows(select(c.state, c.applied_at, c.reported_at, c.detail)))[0]
    assert row == ("applied", after(2), after(2), "shard 7")
    assert asked.metric("geowithhold_time_to_enforce_seconds_sum", jurisdiction="IN", change="block") == 2


async def test_the_time_to_enforce_is_measured_once_and_for_releases_too(asked: World) -> None:
    await asked.report(report(at=after(2)), report(state="reverted", at=after(3)), report(at=after(4)))
    await asked.withhold(withholding(version=2, effective_at=after(10)))
    await asked.report(report(version=2, at=after(15)), report(version=2, at=after(16)))

    assert asked.metric("geowithhold_time_to_enforce_seconds_count", jurisdiction="IN", change="block") == 1
    assert asked.metric("geowithhold_time_to_enforce_seconds_sum", jurisdiction="IN", change="release") == 5


async def test_nothing_was_done_later_than_it_is_told(asked: World) -> None:
    """The clock of the point runs ahead."""
    await asked.report(report(at=after(5000)))

    assert await asked.rows(select(enforcements.c.applied_at)) == [(after(100),)]


async def test_nothing_takes_effect_before_it_was_decided(asked: World) -> None:
    """The clock of the point runs behind."""
    await asked.report(report(at=after(-9)))

    assert asked.metric("geowithhold_time_to_enforce_seconds_sum", jurisdiction="IN", change="block") == 0


@pytest.mark.fault(41)
async def test_telling_it_again_is_accepted_and_changes_nothing(asked: World) -> None:
    await asked.report(report(at=after(2)))

    assert await asked.report(report(at=after(9))) == Reported(accepted=1, ignored=0)
    assert await asked.rows(select(enforcements.c.applied_at)) == [(after(2),)]


@pytest.mark.fault(41)
async def test_an_answer_to_an_older_version_is_ignored(asked: World) -> None:
    await asked.withhold(withholding(version=2))

    assert await asked.report(report(version=1)) == Reported(accepted=0, ignored=1)
    assert await asked.answers() == [(*SEARCH, 2, "pending")]
    assert asked.metric("geowithhold_reports_ignored_total", reason="old_version") == 1


async def test_what_the_table_of_states_refuses_is_ignored_and_counted(asked: World) -> None:
    assert await asked.report(report(state="reverted")) == Reported(accepted=0, ignored=1)
    assert await asked.answers() == [(*SEARCH, 1, "pending")]
    assert asked.metric("geowithhold_reports_ignored_total", reason="illegal") == 1


@pytest.mark.fault(41)
async def test_a_late_copy_does_not_undo_a_later_report(asked: World) -> None:
    await asked.report(report(at=after(1)), report(state="reverted", at=after(5)))

    assert await asked.report(report(at=after(1))) == Reported(accepted=0, ignored=1)
    assert await asked.answers() == [(*SEARCH, 1, "reverted")]
    assert asked.metric("geowithhold_reports_ignored_total", reason="stale") == 1


async def test_several_reports_on_one_version_are_judged_one_after_the_other(asked: World) -> None:
    told = await asked.report(report(state="failed"), report(), report(state="failed"))

    assert told == Reported(accepted=2, ignored=1)
    assert await asked.answers() == [(*SEARCH, 1, "applied")]


async def test_a_report_before_its_version_is_kept(asked: World) -> None:
    assert await asked.report(report(version=2)) == Reported(accepted=1, ignored=0)
    assert await asked.answers(current=False) == [(*SEARCH, 2, "applied")]

    await asked.report(report(version=2, state="reverted"))
    assert await asked.answers(current=False) == [(*SEARCH, 2, "reverted")]


async def test_a_report_by_a_point_that_is_not_registered_counts_once_it_is(asked: World) -> None:
    await asked.report(report(point="cdn", at=after(4)))
    assert await asked.answers() == [(*SEARCH, 1, "pending")]

    await asked.register("cdn")

    assert await asked.answers() == [("cdn", "account:a", 1, "applied"), (*SEARCH, 1, "pending")]


async def test_no_report_is_no_work(asked: World) -> None:
    assert await asked.report() == Reported(accepted=0, ignored=0)
