"""A notice may set a deadline anew; what was met or breached before counted for the deadline before."""

from dataclasses import replace

import pytest

from services.notifier.domain.clocks import Clock, ClockState, Duty
from services.notifier.handlers.standing import CaseReport, report_on
from shared.events import Counts, DirectiveNoticed
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import DIRECTIVE, after, counts, noticed, received, replied


def demanding(revision: int, *, kind: str, by: float, received_after: float = 0, tally: Counts | None = None) -> DirectiveNoticed:
    """A notice with a deadline, both in seconds from the beginning."""
    notice = noticed(revision, kind=kind, tally=tally)
    return replace(notice, notice_received_at=after(received_after), notice_due_at=after(by))


async def case(world: World) -> CaseReport:
    return await world.commands.ask(lambda unit: report_on(unit, DIRECTIVE))


async def clock(world: World, duty: Duty) -> tuple[Clock, ClockState]:
    (found,) = [(clock, state) for clock, state in (await case(world)).clocks if clock.duty is duty]
    return found


@pytest.mark.parametrize(
    ("kind", "duty"),
    [
        ("non_compliance", Duty.RESTRICT),
        ("reminder", Duty.RESTRICT),
        ("clarification", Duty.REPLY),
        ("hearing", Duty.REPLY),
    ],
)
async def test_a_notice_with_a_deadline_starts_the_clock_of_what_it_asks_for(world: World, kind: str, duty: Duty) -> None:
    undecided = counts(undecided=1)
    await world.tell(received(tally=undecided), demanding(2, kind=kind, by=100, tally=undecided))

    found, state = await clock(world, duty)
    assert (found.due_at, state) == (after(100), ClockState.RUNNING)

    world.clock.advance(101)
    assert (await clock(world, duty))[1] is ClockState.BREACHED


async def test_only_a_reply_sent_after_the_notice_meets_what_it_asks_for(world: World) -> None:
    world.clock.advance(50)
    await world.tell(
        received(),
        replied(2, sent_at=after(10)),
        demanding(3, kind="hearing", received_after=20, by=90),
    )
    assert (await clock(world, Duty.REPLY))[1] is ClockState.RUNNING

    await world.tell(replied(4, sent_at=after(40)))

    found, state = await clock(world, Duty.REPLY)
    assert (found.met_at, state) == (after(40), ClockState.MET)


async def test_a_reply_that_was_told_before_its_notice_meets_it_all_the_same(world: World) -> None:
    world.clock.advance(50)
    await world.tell(received(), replied(3, sent_at=after(40)))

    await world.tell(demanding(2, kind="hearing", received_after=20, by=90))

    assert (await clock(world, Duty.REPLY))[1] is ClockState.MET


async def test_a_notice_that_is_told_twice_sets_its_clock_once(world: World) -> None:
    world.clock.advance(50)
    story = (received(), demanding(2, kind="hearing", received_after=20, by=90))
    await world.tell(*story, replied(3, sent_at=after(40)))

    await world.tell(*story)

    assert (await clock(world, Duty.REPLY))[1] is ClockState.MET


async def test_a_notice_without_a_deadline_sets_no_clock(world: World) -> None:
    await world.tell(received(), noticed(2, kind="hearing"))

    assert Duty.REPLY not in {clock.duty for clock, _ in (await case(world)).clocks if clock.verified}
