"""Clocks that stand still, start anew, warn, and are told of; on the terms of the EU's removal orders unless a test says else."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from services.notifier.domain.clocks import Clock, ClockState, Duty, Trigger
from services.notifier.domain.holes import Hole
from services.notifier.handlers.deadlines import next_due
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.handlers.healing import heal_directive
from services.notifier.handlers.standing import report_on
from services.notifier.tables import clock_history, clocks
from shared.events import (
    CaseEvent,
    DirectiveAccepted,
    DirectiveConfirmed,
    DirectiveLapsed,
    DirectiveStayed,
    DirectiveUnstayed,
    compliance,
)
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import (
    DIRECTIVE,
    IN,
    after,
    counts,
    item,
    items,
    noticed,
    received,
    replied,
    report,
    rescinded,
    withholding,
)

S = ClockState
IN_FORCE = timedelta(days=1000)
"""From the builders' time to a day on which all that ships is in force."""

HOUR = 3600
UNDECIDED = counts(undecided=1)


def at(seconds: float) -> Any:
    return after(seconds) + IN_FORCE


TCO: dict[str, Any] = {
    "legal_basis": "eu-tco",
    "issued_at": at(0),
    "received_at": at(0),
    "tally": UNDECIDED,
}


def order(**other: Any) -> CaseEvent:
    return received(**(TCO | other))


def question(revision: int, sent: float, kind: str = "clarification_request", **other: Any) -> CaseEvent:
    return replace(replied(revision, sent_at=at(sent), **TCO), kind=kind, **other)


def notice(revision: int, kind: str, received_after: float, due: float | None = None) -> CaseEvent:
    due_at = None if due is None else at(due)
    return replace(noticed(revision, kind=kind, **TCO), notice_received_at=at(received_after), notice_due_at=due_at)


def word(kind: type[CaseEvent], revision: int, *, status: str, **own: Any) -> CaseEvent:
    told = order()
    same = {name: getattr(told, name) for name in CaseEvent.__dataclass_fields__}
    return kind(**{**same, "revision": revision, "status": status}, **own)


async def shown(world: World, duty: Duty = Duty.RESTRICT) -> tuple[Clock, ClockState]:
    report = await world.commands.ask(lambda unit: report_on(unit, DIRECTIVE))
    (found,) = [(clock, state) for clock, state in report.clocks if clock.duty is duty]
    return found


async def look(world: World, seconds: float) -> None:
    world.clock.now = at(seconds)
    await world.let_time_work()


async def told(world: World, duty: Duty = Duty.RESTRICT) -> list[str]:
    """What the compliance topic hears of the clock, in order."""
    found = [envelope.data for envelope in await world.findings()]
    return [type(each).__name__ for each in found if isinstance(each, compliance.ClockFinding) and each.duty == duty]


async def test_a_question_stops_the_hour_and_a_clarification_gives_a_whole_one(world: World) -> None:
    await world.tell(order(), question(2, 600))
    paused, state = await shown(world)

    await world.tell(notice(3, "clarification", 5 * HOUR))
    await look(world, 5 * HOUR + 1)

    assert (state, paused.left) == (S.PAUSED, timedelta(seconds=HOUR - 600))
    found, _ = await shown(world)
    assert (found.trigger, found.starts_at, found.due_at) == (Trigger.CLARIFICATION, at(5 * HOUR), at(6 * HOUR))
    assert await told(world) == ["ClockStarted", "ClockPaused", "ClockResumed"]


async def test_an_impediment_that_is_over_when_it_is_told_stops_nothing(world: World) -> None:
    await world.tell(order(), question(2, 600, kind="impossibility", impediment_ended_at=at(500)))

    assert (await shown(world))[1] is S.RUNNING


async def test_the_end_of_an_impediment_starts_the_hour_anew(world: World) -> None:
    await world.tell(order(), question(2, 600, kind="impossibility"))

    await world.tell(question(3, 9000, kind="acknowledgement", impediment_ended_at=at(8000)))

    assert (await shown(world))[0].due_at == at(8000 + HOUR)


async def test_an_incomplete_order_waits_for_its_acceptance(world: World) -> None:
    await world.tell(order(status="awaiting_clarification"))
    waiting = await shown(world)

    await world.tell(word(DirectiveAccepted, 2, status="in_force"), at=at(700))

    assert waiting[1] is S.PAUSED
    assert (await shown(world))[0].due_at == at(700 + HOUR)


async def test_a_stay_of_all_of_it_suspends_the_time_to_restrict(world: World) -> None:
    await world.tell(order())
    await world.tell(word(DirectiveStayed, 2, status="stayed", suspended=0), at=at(600))
    stayed = await shown(world)

    await world.tell(word(DirectiveUnstayed, 3, status="in_force", restored=0), at=at(900))

    assert stayed[1] is S.PAUSED
    assert (await shown(world))[0].due_at == at(HOUR + 300)


async def test_a_stay_of_a_part_suspends_nothing(world: World) -> None:
    await world.tell(order(), word(DirectiveStayed, 2, status="in_force", suspended=0))
    await world.tell(word(DirectiveUnstayed, 3, status="in_force", restored=0))

    assert (await shown(world))[1] is S.RUNNING


async def test_a_confirmation_meets_the_clock_of_an_interim_direction(world: World) -> None:
    interim: dict[str, Any] = {"legal_basis": "in-it-act-69a-emergency"}
    await world.tell(order(**interim), replace(word(DirectiveConfirmed, 2, status="in_force", confirmed_at=at(60)), **interim))

    found, state = await shown(world, Duty.LAPSE)

    assert (state, found.due_at, found.met_at) == (S.MET, at(48 * HOUR), at(60))


INTERIM: dict[str, Any] = {"legal_basis": "in-it-act-69a-emergency"}
LATE = at(1000 * HOUR)
"""When an order lapses that was recorded long after its issue."""


def of_interim(event: CaseEvent, lapses_at: datetime | None) -> CaseEvent:
    return replace(event, **INTERIM, lapses_at=lapses_at)


def confirmed(revision: int, seconds: float) -> CaseEvent:
    return word(DirectiveConfirmed, revision, status="in_force", confirmed_at=at(seconds))


async def test_an_order_recorded_long_after_its_issue_lapses_when_the_blocklist_says(world: World) -> None:
    await world.tell(of_interim(order(), LATE))
    waiting, _ = await shown(world, Duty.LAPSE)

    await world.tell(of_interim(confirmed(2, 900 * HOUR), None))
    found, state = await shown(world, Duty.LAPSE)

    assert (waiting.due_at, found.due_at) == (LATE, LATE)
    assert (state, found.met_at) == (S.MET, at(900 * HOUR))


async def test_a_confirmation_of_a_part_leaves_the_rest_its_time_until_it_is_confirmed_too(world: World) -> None:
    await world.tell(of_interim(order(), LATE), of_interim(confirmed(2, 60), LATE))
    partly = await shown(world, Duty.LAPSE)

    await world.tell(of_interim(confirmed(3, 90), None))
    found, state = await shown(world, Duty.LAPSE)

    assert (partly[1], partly[0].due_at) == (S.RUNNING, LATE)
    assert (state, found.met_at) == (S.MET, at(90))


async def test_the_clock_of_what_was_not_confirmed_ends_when_that_lapses(world: World) -> None:
    await world.tell(of_interim(order(), LATE), of_interim(confirmed(2, 60), LATE))

    await world.tell(of_interim(word(DirectiveLapsed, 3, status="in_force", released=1, withdrawn=0), None), at=LATE)

    assert (await shown(world, Duty.LAPSE))[1] is S.VOID


@pytest.mark.parametrize("together", [True, False])
async def test_when_an_order_lapses_may_be_learnt_after_it_was_confirmed(world: World, together: bool) -> None:
    first, last = of_interim(order(), LATE), of_interim(confirmed(2, 900 * HOUR), None)
    if together:
        await world.tell(last, first)
    else:
        await world.tell(last)
        await world.tell(first)

    found, state = await shown(world, Duty.LAPSE)

    assert (found.due_at, state, found.met_at) == (LATE, S.MET, at(900 * HOUR))


async def test_what_must_be_kept_is_kept_beyond_the_end_of_the_directive(world: World) -> None:
    await world.tell(order(), rescinded(2, **TCO))
    await look(world, 184 * 24 * HOUR)

    assert (await shown(world, Duty.RETAIN))[1] is S.MET
    assert await told(world, Duty.RETAIN) == ["ClockStarted", "ClockMet"]


async def test_an_informal_request_never_has_a_clock(world: World) -> None:
    informal: dict[str, Any] = {"channel": "informal"}
    await world.tell(order(**informal, due_at=at(9)), replace(notice(2, "reminder", 5, 900), **informal))

    assert await world.count(clocks) == 0


async def test_an_older_notice_that_is_healed_after_a_newer_one_changes_nothing(world: World) -> None:
    older, newer = notice(2, "reminder", 100, 700), notice(3, "reminder", 500, 5000)
    await world.tell(order())
    await world.tell(newer)

    records = [CaseRecord(older, at(100))]
    await world.commands.run(partial(heal_directive, directive=DIRECTIVE, hole=Hole(2, 2), records=records))

    assert (await shown(world))[0].due_at == at(5000)
    assert await told(world) == ["ClockStarted", "ClockExtended"]


async def test_it_warns_twice_and_breaches_once(world: World) -> None:
    await world.tell(order())
    upcoming = []
    for seconds in (HOUR / 2 - 1, HOUR / 2, HOUR / 2 + 1, 0.8 * HOUR, HOUR, HOUR + 1):
        await look(world, seconds)
        upcoming.append(await world.commands.ask(next_due))

    assert await told(world) == ["ClockStarted", "ClockWarned", "ClockWarned", "ClockBreached"]
    assert upcoming[:5] == [at(HOUR / 2), at(0.8 * HOUR), at(0.8 * HOUR), at(HOUR), at(184 * 24 * HOUR)]
    for percent in ("50", "80"):
        assert world.metric("geowithhold_clock_warnings_total", jurisdiction=IN, legal_basis="eu-tco", percent=percent) == 1


async def test_after_a_long_absence_each_clock_tells_of_the_gravest_alone(world: World) -> None:
    await world.tell(order())

    await look(world, 50 * HOUR)

    assert await told(world) == ["ClockStarted", "ClockBreached"]


@pytest.mark.fault(38)
async def test_nothing_un_happens_when_the_clock_jumps_back(world: World) -> None:
    await world.tell(order())
    await look(world, 0.6 * HOUR)
    await look(world, 0)
    await look(world, 0.6 * HOUR)
    await look(world, 2 * HOUR)
    await look(world, 0)

    assert await told(world) == ["ClockStarted", "ClockWarned", "ClockBreached"]
    assert await world.rows(select(clocks.c.state).where(clocks.c.duty == "restrict")) == [("breached",)]


async def test_a_notice_renews_a_clock_in_breach(world: World) -> None:
    await world.tell(order())
    await look(world, 2 * HOUR)

    await world.tell(notice(2, "non_compliance", 2 * HOUR, 9 * HOUR))
    await look(world, 10 * HOUR)

    assert await told(world) == ["ClockStarted", "ClockBreached", "ClockExtended", "ClockBreached"]


async def test_the_time_to_acknowledge_is_measured(world: World) -> None:
    """Also where the law's own time is not confirmed: how long it took is a fact."""
    india: dict[str, Any] = {"legal_basis": "in-it-act-69a"}
    await world.tell(order(**india), question(2, 90, kind="acknowledgement", **india))

    assert world.metric("geowithhold_time_to_acknowledge_seconds_sum", jurisdiction=IN) == pytest.approx(90)


async def test_items_that_settle_meet_their_clock_soon_and_not_only_at_its_end(world: World) -> None:
    await world.register()
    claimed, tally = item(), counts(complied=1)
    await world.tell(received(due_at=after(HOUR), tally=tally), items(2, claimed, tally=tally, due_at=after(HOUR)))
    await world.withhold(withholding())
    world.clock.advance(60)
    await world.let_time_work()
    await world.report(report(at=after(50)))

    world.clock.advance(2)
    await world.let_time_work()

    assert await recorded(world, Duty.RESTRICT) == [("met", after(50))]
    assert await told(world) == ["ClockStarted", "ClockMet"]


async def test_a_look_that_changes_nothing_leaves_no_trace(world: World) -> None:
    tally = counts(complied=1)
    await world.tell(received(due_at=after(HOUR), tally=tally), items(2, item(), tally=tally, due_at=after(HOUR)))
    world.clock.advance(60)
    await world.let_time_work()

    assert await world.count(clock_history) == 0
    assert await world.rows(select(clocks.c.next_at).where(clocks.c.duty == "restrict")) == [(after(HOUR / 2),)]


async def test_what_settles_after_a_breach_is_recorded_as_met_late(world: World) -> None:
    await world.register()
    claimed, tally = item(), counts(complied=1)
    await world.tell(received(due_at=after(HOUR), tally=tally), items(2, claimed, tally=tally, due_at=after(HOUR)))
    await world.withhold(withholding())
    world.clock.advance(HOUR)
    await world.let_time_work()

    world.clock.advance(10)
    await world.report(report(at=after(HOUR + 5)))
    world.clock.advance(2)
    await world.let_time_work()

    assert await recorded(world, Duty.RESTRICT) == [("met_late", after(HOUR + 5))]
    assert await told(world) == ["ClockStarted", "ClockBreached", "ClockMet"]


async def recorded(world: World, duty: Duty) -> list[tuple[Any, ...]]:
    return await world.rows(select(clocks.c.state, clocks.c.met_at).where(clocks.c.duty == duty))
