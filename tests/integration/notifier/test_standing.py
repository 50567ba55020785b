"""How directives and jurisdictions stand, from what the topics told."""

from typing import Any

import pytest

from services.notifier.domain.clocks import ClockState, Duty
from services.notifier.domain.compliance import Compliance
from services.notifier.handlers.places import PlaceReport, places_with_keys, report_places
from services.notifier.handlers.standing import CaseReport, report_on
from shared.events import ItemChanged
from shared.http.problems import Kind, Refusal
from shared.ids import DirectiveId, Jurisdiction
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import (
    DIRECTIVE,
    OTHER_DIRECTIVE,
    after,
    counts,
    item,
    items,
    noticed,
    received,
    replied,
    report,
    withholding,
)

IN, DE = Jurisdiction("IN"), Jurisdiction("DE")


async def case(world: World, id_: DirectiveId = DIRECTIVE) -> CaseReport:
    return await world.commands.ask(lambda unit: report_on(unit, id_))


async def place(world: World, code: Jurisdiction = IN) -> PlaceReport:
    (found,) = await world.commands.ask(lambda unit: report_places(unit, [code]))
    return found


async def ordered(world: World, *changed: ItemChanged, **other: Any) -> None:
    """A directive is received, and all its items are complied with or as they say."""
    tally = counts(
        **{state: sum(each.decision == state for each in changed) for state in ("complied", "refused", "undecided")},
        released={"platform_decision": sum(each.decision == "released" for each in changed)},
    )
    await world.tell(received(tally=tally, **other), items(2, *changed, tally=tally, **other))


async def test_a_directive_that_is_wholly_enforced(world: World) -> None:
    await world.register("search")
    await world.register("cdn")
    await ordered(world, item("account:a"), item("account:b"))
    await world.withhold(withholding("account:a"), withholding("account:b"))
    await world.report(
        report("account:a"), report("account:b"), report("account:a", point="cdn"), report("account:b", point="cdn")
    )

    found = await case(world)

    assert found.status is Compliance.COMPLIED
    assert (found.standing.effect.enforced, found.standing.pending, found.standing.unmet) == (2, 0, 0)


async def test_an_item_is_pending_until_every_point_has_applied_it_everywhere(world: World) -> None:
    await world.register("search", "IN", "DE")
    await ordered(world, item("account:a", places=("IN", "DE")), jurisdictions=(IN, DE))
    await world.withhold(withholding(), withholding(jurisdiction="DE"))
    await world.report(report())

    found = await case(world)

    assert (found.status, found.standing.effect.enforced, found.standing.pending) == (Compliance.PENDING, 0, 1)


async def test_an_item_that_no_point_has_to_apply_is_pending_and_uncovered(world: World) -> None:
    await ordered(world, item())
    await world.withhold(withholding())

    found = await case(world)

    assert (found.standing.pending, found.standing.effect.uncovered) == (1, 1)


async def test_an_item_whose_withholding_has_not_come_yet_is_pending_but_not_uncovered(world: World) -> None:
    await ordered(world, item())

    found = await case(world)

    assert (found.standing.pending, found.standing.effect.uncovered) == (1, 0)


async def test_an_item_complied_with_in_part_of_its_scope_is_enforced_and_unmet(world: World) -> None:
    await world.register("search", "XX")
    await ordered(world, item(places=("IN",)), jurisdictions=(IN, DE))
    await world.withhold(withholding())
    await world.report(report())

    found = await case(world)

    assert (found.standing.effect.enforced, found.standing.unmet) == (1, 1)


async def test_a_scope_that_lies_in_another_needs_no_claim_of_its_own(world: World) -> None:
    await world.register("search", "XX")
    await ordered(world, item(places=("IN",)), jurisdictions=(IN, Jurisdiction("IN-PB")))
    await world.withhold(withholding())
    await world.report(report())

    assert (await case(world)).standing.unmet == 0


async def test_a_unilateral_release_is_non_compliant_and_exposed(world: World) -> None:
    await world.register()
    await world.withhold(withholding(), withholding(version=2))
    await ordered(world, item(decision="released", cause="platform_decision", unilateral=True))

    found = await case(world)

    assert found.status is Compliance.NON_COMPLIANT
    assert found.exposure.unmet_items == 1
    assert [each.what for each in found.exposure.unmet] == ["unilateral_release"]
    assert found.standing.effect.releasing == 1


async def test_a_release_is_awaited_whatever_was_decided_since(world: World) -> None:
    await world.register()
    await world.withhold(withholding(), withholding(version=2, cause="error"))
    await ordered(world, item(decision="refused"))

    found = await case(world)

    assert (found.standing.effect.releasing, found.status) == (1, Compliance.PENDING)


async def test_a_release_that_was_applied_is_not_awaited_any_more(world: World) -> None:
    await world.register()
    await world.withhold(withholding(), withholding(version=2))
    await ordered(world, item(decision="released", cause="platform_decision"))
    await world.report(report(version=2))

    assert (await case(world)).standing.effect.releasing == 0


async def test_a_non_compliance_notice_stands_until_it_is_met(world: World) -> None:
    await world.register()
    await ordered(world, item())
    await world.withhold(withholding())
    await world.tell(noticed(3, tally=counts(complied=1)), replied(4, tally=counts(complied=1)), noticed(5, kind="reminder"))
    before = await case(world)

    await world.report(report())

    assert before.status is Compliance.NON_COMPLIANT
    assert (before.correspondence.notices, before.correspondence.replies) == (2, 1)
    assert (await case(world)).status is Compliance.COMPLIED


async def test_items_applied_in_time_meet_the_clock_of_the_order(world: World) -> None:
    await world.register()
    await ordered(world, item(), due_at=after(100))
    await world.withhold(withholding())
    running = await case(world)

    await world.report(report(at=after(50)))
    world.clock.advance(200)

    assert [state for clock, state in running.clocks if clock.duty is Duty.RESTRICT] == [ClockState.RUNNING]
    assert [state for clock, state in (await case(world)).clocks if clock.duty is Duty.RESTRICT] == [ClockState.MET]


async def test_a_directive_of_which_nothing_has_been_heard(world: World) -> None:
    with pytest.raises(Refusal) as refused:
        await case(world)

    assert refused.value.kind is Kind.NOT_FOUND


async def test_how_a_jurisdiction_stands(world: World) -> None:
    await world.register("search", "IN", "DE", ack_within=100)
    await world.withhold(
        *(withholding(f"account:{name}") for name in "abc"),
        withholding("account:a", 2),
        withholding("account:a", 3),
        withholding("account:b", 2, cause="error"),
        withholding("account:a", jurisdiction="DE"),
    )
    await world.report(report("account:c"))
    await ordered(world, item("account:c"), item("account:z"), due_at=after(40))
    await world.tell(received(directive=OTHER_DIRECTIVE, status="rescinded", tally=counts(withdrawn=1)))

    found = await place(world)

    assert (found.withheld, found.released, found.unilateral_releases) == (2, 1, 1)
    assert {state.value: number for state, number in found.enforcements.items()} == {
        "pending": 2,
        "applied": 1,
        "failed": 0,
        "overdue": 0,
        "reverted": 0,
    }
    assert found.next_due_at == after(40)
    assert [(each.legal_basis, each.unmet_items) for each in found.exposures] == [("in-it-act-69a", 1)]


async def test_exposure_counts_from_the_first_of_what_is_unmet_and_names_the_clause_that_a_notice_cites(world: World) -> None:
    await ordered(world, item("account:a", "undecided"), due_at=after(40))
    await world.tell(noticed(3, tally=counts(undecided=1), due_at=after(40)))
    await world.tell(noticed(4, kind="reminder", tally=counts(undecided=1), due_at=after(40)))
    world.clock.advance(100_000)

    found = (await case(world)).exposure

    assert [(each.what, each.since) for each in found.unmet] == [("non_compliance", after(0)), ("restrict", after(40))]
    assert [(clause.threat.provision, clause.cited, clause.days) for clause in found.clauses] == [("s.69A(3)", True, 1)]
    assert (await place(world)).exposures == [found]


async def test_an_informal_request_exposes_nobody(world: World) -> None:
    await ordered(world, item("account:a", "refused"), due_at=after(40), channel="informal")
    world.clock.advance(100_000)

    found = (await case(world)).exposure

    assert (found.clauses, found.unmet, found.unmet_items) == ((), (), 0)
    assert (await place(world)).exposures == []


async def test_a_jurisdiction_without_anything_stands_at_zero(world: World) -> None:
    found = await place(world, DE)

    assert (found.withheld, found.released, found.unilateral_releases, found.next_due_at) == (0, 0, 0, None)
    assert set(found.enforcements.values()) == {0}
    assert found.exposures == []


async def test_jurisdictions_that_have_keys_are_listed(world: World) -> None:
    await world.withhold(withholding(), withholding(jurisdiction="DE"))

    assert await world.commands.ask(places_with_keys) == [DE, IN]
