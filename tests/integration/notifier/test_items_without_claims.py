"""Items that are complied with and claim nothing that counts: of unblock directives, and stayed ones."""

import pytest

from services.notifier.domain.compliance import Compliance
from services.notifier.handlers.standing import CaseReport, report_on
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import DIRECTIVE, counts, item, items, received, report, withholding


async def case(world: World) -> CaseReport:
    return await world.commands.ask(lambda unit: report_on(unit, DIRECTIVE))


async def unblocked(world: World, *targets: str) -> None:
    tally = counts(complied=len(targets))
    await world.tell(received(tally=tally, kind="unblock"), items(2, *(item(named, places=()) for named in targets), tally=tally))


@pytest.mark.parametrize("place", ["IN", "IN-PB"])
async def test_an_unblock_is_enforced_when_the_releases_on_its_targets_are_applied(world: World, place: str) -> None:
    await world.register("search")
    await unblocked(world, "account:a", "account:b")
    await world.withhold(withholding(jurisdiction=place))
    await world.withhold(withholding("account:a", 2, cause="rescinded", jurisdiction=place))

    waiting = await case(world)
    await world.report(report("account:a", 2, jurisdiction=place))
    applied = await case(world)

    assert (waiting.standing.effect.enforced, waiting.standing.effect.met, waiting.status) == (1, 1, Compliance.PENDING)
    assert (applied.standing.effect.enforced, applied.standing.effect.met, applied.status) == (2, 2, Compliance.COMPLIED)


async def test_releases_elsewhere_and_blocks_do_not_keep_an_unblock_from_being_enforced(world: World) -> None:
    await world.register("search", "IN", "DE")
    await unblocked(world, "account:a")
    await world.withhold(withholding(), withholding(jurisdiction="DE"))
    await world.withhold(withholding(version=2, cause="rescinded", jurisdiction="DE"))

    assert (await case(world)).standing.effect.enforced == 1


async def test_a_stayed_item_is_enforced_once_its_release_is_applied(world: World) -> None:
    await world.register("search")
    tally = counts(complied=1)
    await world.tell(received(tally=tally), items(2, item(suspended=True), tally=tally))
    await world.withhold(withholding())
    await world.withhold(withholding(version=2, cause="stayed"))

    waiting = await case(world)
    await world.report(report(version=2))
    applied = await case(world)

    assert (waiting.status, applied.status) == (Compliance.PENDING, Compliance.COMPLIED)
    assert applied.standing.effect.enforced == 1


async def test_a_stayed_item_whose_key_another_directive_holds_is_counted_once(world: World) -> None:
    await world.register("search")
    tally = counts(complied=1)
    await world.tell(received(tally=tally), items(2, item(suspended=True), tally=tally))
    await world.withhold(withholding())
    await world.report(report())

    assert (await case(world)).standing.effect.enforced == 1
