from dataclasses import replace
from typing import Any

from sqlalchemy import select

from services.notifier.tables import (
    case_items,
    clocks,
    directive_scopes,
    directives,
    notices,
    replies,
    revision_holes,
)
from shared.events import CaseEvent
from shared.ids import Jurisdiction
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import (
    DIRECTIVE,
    OTHER_DIRECTIVE,
    after,
    counts,
    decided,
    item,
    items,
    noticed,
    received,
    replied,
    rescinded,
)

BOTH = (Jurisdiction("IN"), Jurisdiction("DE"))


async def directive(world: World) -> tuple[Any, ...]:
    (row,) = await world.rows(select(directives.c.revision, directives.c.status, directives.c.counts["complied"].as_integer()))
    return row


async def decisions(world: World) -> dict[str, tuple[Any, ...]]:
    c = case_items.c
    return {row[0]: row[1:] for row in await world.rows(select(c.target, c.decision, c.revision))}


async def revision_hole(world: World) -> list[tuple[Any, ...]]:
    return await world.rows(select(revision_holes.c.directive, revision_holes.c.first, revision_holes.c.last))


async def test_the_highest_revision_tells_how_a_directive_stands(world: World) -> None:
    await world.tell(received())
    await world.tell(decided(3, tally=counts(complied=5)), decided(2, tally=counts(complied=4)))

    assert await directive(world) == (3, "in_force", 5)


async def test_revisions_without_a_hole_leave_none(world: World) -> None:
    await world.tell(received(), items(2, item()))
    await world.tell(decided(3, tally=counts(complied=1)))

    assert await revision_hole(world) == []


async def test_a_revision_that_is_skipped_is_recorded_as_missing(world: World) -> None:
    await world.tell(received(), decided(3, tally=counts(complied=1)), decided(6, tally=counts(complied=1)))
    await world.tell(decided(8, tally=counts(complied=1)))

    assert await revision_hole(world) == [(DIRECTIVE, 2, 7)]
    assert world.metric("geowithhold_revision_holes_total") == 3


async def test_a_directive_first_seen_later_has_a_hole_before_it(world: World) -> None:
    await world.tell(replied(4), received(directive=OTHER_DIRECTIVE))

    assert await revision_hole(world) == [(DIRECTIVE, 1, 3)]


async def test_an_item_is_as_the_highest_revision_that_named_it_tells_it(world: World) -> None:
    newer = items(5, item("account:a", "refused"), item("account:b", "refused"))
    older = items(2, item("account:a"), item("account:c"))

    await world.tell(received(), newer, older)
    await world.tell(older, items(3, item("account:b")))

    assert await decisions(world) == {
        "account:a": ("refused", 5),
        "account:b": ("refused", 5),
        "account:c": ("complied", 2),
    }


async def test_a_notice_and_a_reply_are_there_once_however_often_they_are_told(world: World) -> None:
    story: list[CaseEvent] = [received(), noticed(2), replied(3)]

    await world.tell(*story)
    await world.tell(*story)

    assert await world.rows(select(notices.c.id, notices.c.kind)) == [("ntc_2", "non_compliance")]
    assert await world.rows(select(replies.c.id, replies.c.kind)) == [("rpl_3", "acknowledgement")]


async def test_the_scope_is_kept_and_follows_a_change(world: World) -> None:
    scope = select(directive_scopes.c.jurisdiction).order_by(directive_scopes.c.jurisdiction)
    await world.tell(received(jurisdictions=BOTH))
    assert await world.rows(scope) == [("DE",), ("IN",)]

    await world.tell(decided(2, tally=counts(), jurisdictions=BOTH[:1]))

    assert await world.rows(scope) == [("IN",)]


async def clock(world: World, duty: str) -> tuple[Any, ...]:
    (row,) = await world.rows(select(clocks.c.due_at, clocks.c.met_at).where(clocks.c.duty == duty))
    return row


async def test_the_order_sets_a_clock_and_may_set_it_anew(world: World) -> None:
    await world.tell(received(due_at=after(100)))
    assert await clock(world, "restrict") == (after(100), None)

    await world.tell(noticed(2, due_at=after(500)))

    assert await clock(world, "restrict") == (after(500), None)


async def test_the_earliest_reply_meets_the_clocks_that_ask_for_one(world: World) -> None:
    due_at = after(100)
    await world.tell(received(due_at=due_at), replied(3, sent_at=after(60), due_at=due_at))
    await world.tell(replied(2, sent_at=after(30), due_at=due_at), replied(4, sent_at=after(90), due_at=due_at))

    assert (await clock(world, "ack"))[1] == (await clock(world, "reply"))[1] == after(30)
    assert (await clock(world, "restrict"))[1] is None


async def test_a_notice_with_a_deadline_sets_the_clock_of_what_it_asks_for_anew(world: World) -> None:
    due_at = after(100)
    await world.tell(received(due_at=due_at), replied(2, sent_at=after(10), due_at=due_at))

    hearing = replace(noticed(4, kind="hearing", due_at=due_at), notice_received_at=after(50), notice_due_at=after(500))
    await world.tell(replied(3, sent_at=after(20), due_at=due_at), hearing)

    assert await clock(world, "reply") == (after(500), None)
    assert await clock(world, "restrict") == (due_at, None)


async def test_a_reply_after_a_notice_meets_what_it_asks_for_whichever_is_told_first(world: World) -> None:
    await world.tell(received(), replied(3, sent_at=after(60)))

    await world.tell(replace(noticed(2, kind="hearing"), notice_received_at=after(50), notice_due_at=after(500)))

    assert await clock(world, "reply") == (after(500), after(60))


async def test_a_notice_that_is_told_again_sets_no_clock(world: World) -> None:
    hearing = replace(noticed(2, kind="hearing"), notice_received_at=after(50), notice_due_at=after(500))
    await world.tell(received(), hearing, replied(3, sent_at=after(60)))

    await world.tell(hearing)

    assert await clock(world, "reply") == (after(500), after(60))


async def test_the_end_of_a_directive_ends_its_clocks(world: World) -> None:
    await world.tell(received(due_at=after(100)))

    await world.tell(rescinded(2, tally=counts(withdrawn=1)), at=after(50))
    await world.tell(replied(3, status="rescinded", sent_at=after(60)), at=after(70))

    of_the_order = clocks.c.duty != "release"
    assert await world.rows(
        select(clocks.c.duty, clocks.c.state, clocks.c.next_at).where(of_the_order).order_by(clocks.c.duty)
    ) == [
        ("ack", "void", None),
        ("reply", "void", None),
        ("restrict", "void", None),
    ]


async def test_a_directive_whose_end_is_only_seen_in_a_later_event_has_ended_all_the_same(world: World) -> None:
    await world.tell(received(due_at=after(100)))

    await world.tell(replied(3, status="rescinded"), at=after(70))

    assert {state for (state,) in await world.rows(select(clocks.c.state))} == {"void", "met"}


async def test_a_directive_whose_items_tell_first_that_it_ended_has_ended(world: World) -> None:
    await world.tell(received(due_at=after(100)))

    await world.tell(items(3, item(decision="withdrawn"), status="rescinded", due_at=after(100)), at=after(50))

    assert {state for (state,) in await world.rows(select(clocks.c.state))} == {"void"}


async def test_no_event_is_no_work(world: World) -> None:
    await world.tell()

    assert await world.count(directives) == 0
