"""What events tell beside the present state is kept: who ordered, why an item was refused, and how everything stood before."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from services.notifier.domain.enforcement import EnforcementState
from services.notifier.tables import (
    case_item_history,
    case_items,
    directive_history,
    directives,
    dropped_enforcements,
    enforcement_turns,
    enforcements,
    notices,
    replies,
)
from shared.ids import TargetType
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import (
    after,
    counts,
    decided,
    item,
    items,
    noticed,
    received,
    replied,
    report,
    withholding,
)

ORDER: dict[str, Any] = {"authority": "in-meity", "reference": "14(1)", "sealed": True, "channel": "informal"}


async def order(world: World) -> tuple[Any, ...]:
    c = directives.c
    (row,) = await world.rows(select(c.authority, c.reference, c.kind, c.channel, c.sealed, c.missing))
    return row


async def test_who_ordered_is_learnt_and_not_forgotten_by_an_event_of_the_first_form(world: World) -> None:
    await world.tell(received(kind="unblock", missing=("redress",), **ORDER), decided(2, tally=counts(refused=1)))

    assert await order(world) == ("in-meity", "14(1)", "unblock", "informal", True, ["redress"])


async def test_what_only_the_receipt_tells_is_learnt_when_it_comes_late(world: World) -> None:
    await world.tell(decided(2, tally=counts(refused=1), **ORDER))
    assert (await order(world))[2] is None

    await world.tell(received(missing=("redress",)))

    assert await order(world) == ("in-meity", "14(1)", "block", "informal", True, ["redress"])


async def test_each_revision_is_kept_with_the_time_of_its_event_whatever_the_order(world: World) -> None:
    await world.tell(received(), at=after(1))
    await world.tell(decided(3, tally=counts(refused=1)), at=after(3))
    await world.tell(decided(2, tally=counts(complied=1), due_at=after(9)), at=after(2))
    await world.tell(decided(2, tally=counts(complied=1), due_at=after(9)), decided(3, tally=counts(refused=1)), at=after(4))

    c = directive_history.c
    kept = select(c.revision, c.changed_at, c.due_at, c.counts["complied"].as_integer()).order_by(c.revision)
    assert await world.rows(kept) == [(1, after(1), None, 0), (2, after(2), after(9), 1)]
    assert await world.rows(select(directives.c.revision, directives.c.changed_at)) == [(3, after(3))]


async def test_an_item_is_kept_as_it_was_before_whatever_the_order(world: World) -> None:
    await world.tell(received(), items(2, item()), at=after(1))
    await world.tell(items(4, item(decision="refused", ground="journalist"), item("account:b", suspended=True)), at=after(4))
    await world.tell(items(3, item(decision="released"), item("account:b")), items(4, item(decision="refused")), at=after(3))

    c = case_item_history.c
    kept = await world.rows(select(c.target, c.revision, c.decision, c.changed_at).order_by(c.target, c.revision))
    assert kept == [
        ("account:a", 2, "complied", after(1)),
        ("account:a", 3, "released", after(3)),
        ("account:b", 3, "complied", after(3)),
    ]
    c = case_items.c
    assert await world.rows(select(c.revision, c.ground, c.suspended).order_by(c.target)) == [
        (4, "journalist", False),
        (4, None, True),
    ]


async def test_correspondence_is_kept_with_what_it_brought_and_when_it_was_recorded(world: World) -> None:
    clarification = replace(noticed(2, kind="clarification"), supplied=("redress",))
    impossibility = replace(replied(3), kind="impossibility", cause="force_majeure", impediment_ended_at=after(5))
    await world.tell(received(), clarification, impossibility, at=after(9))

    assert await world.rows(select(notices.c.supplied, notices.c.recorded_at)) == [(["redress"], after(9))]
    answer = select(replies.c.cause, replies.c.impediment_ended_at, replies.c.recorded_at)
    assert await world.rows(answer) == [("force_majeure", after(5), after(9))]


async def turns(world: World) -> list[tuple[Any, ...]]:
    c = enforcement_turns.c
    return await world.rows(select(c.state, c.at, c.dropped_at).order_by(c.id))


async def test_an_enforcement_that_is_applied_once_leaves_no_turn(world: World) -> None:
    await world.register()
    await world.withhold(withholding())

    await world.report(report(at=after(0)))

    assert await turns(world) == []


async def test_every_other_move_of_an_enforcement_is_kept(world: World) -> None:
    await world.register()
    await world.withhold(withholding())
    world.clock.advance(60)

    await world.report(
        report(state="failed", at=after(1)), report(at=after(2)), report(state="reverted", at=after(3)), report(at=after(4))
    )

    states = (EnforcementState.FAILED, EnforcementState.APPLIED, EnforcementState.REVERTED, EnforcementState.APPLIED)
    assert await turns(world) == [(state.value, after(number), None) for number, state in enumerate(states, start=1)]


async def asked(world: World) -> list[tuple[Any, ...]]:
    return await world.rows(select(enforcements.c.point, enforcements.c.asked_at).order_by(enforcements.c.point))


async def test_a_point_is_asked_from_when_a_version_took_effect_or_it_was_registered(world: World) -> None:
    await world.register("cdn")
    world.clock.advance(10)
    await world.withhold(withholding(effective_at=after(8)))
    await world.report(report(point="search"))
    assert await asked(world) == [("cdn", after(8)), ("search", None)]
    world.clock.advance(10)

    await world.register("search")
    await world.register("cdn")

    assert await asked(world) == [("cdn", after(8)), ("search", after(20))]


async def test_what_a_point_had_to_apply_until_its_scope_left_it_out_is_kept(world: World) -> None:
    await world.register()
    await world.withhold(withholding(), withholding("hashtag:b"))
    await world.report(report(state="failed"), report("hashtag:b", state="failed"))
    world.clock.advance(10)

    await world.register(types=[TargetType.ACCOUNT])

    c = dropped_enforcements.c
    assert await world.rows(select(c.target, c.asked_at, c.dropped_at)) == [("hashtag:b", after(0), after(10))]
    assert await turns(world) == [("failed", after(0), None), ("failed", after(0), after(10))]
