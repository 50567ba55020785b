"""A law that gives a time to tell users: none that ships does, so these tests make one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.notifier.commands import Commands
from services.notifier.domain.clocks import Clock, ClockState, Duty
from services.notifier.handlers.standing import report_on
from services.notifier.metrics import FactMetrics
from shared.events import CaseEvent, ClockBreached, ClockWarned, DirectiveInformed
from shared.registry import DutyKind, Registry, UserNotice
from tests.integration.notifier.world import TOPICS, World, registry
from tests.unit.notifier.builders import DIRECTIVE, after, counts, received

DAY = 24 * 3600
IN_FORCE = 1000 * DAY
"""From the builders' time to a day on which the law is in force."""


def giving_a_day(user_notice: UserNotice = UserNotice.ALLOWED, *, verified: bool = True) -> Registry:
    regime = registry().legal_bases["eu-tco"]
    (told,) = [each for each in regime.latest.duties if each.duty is DutyKind.INFORM_USER]
    duty = replace(told, in_order=False, duration=timedelta(days=1), verified=verified)
    version = replace(regime.latest, duties=(duty,), user_notice=user_notice)
    return replace(registry(), legal_bases={"eu-tco": replace(regime, versions=(version,))})


def under(world: World, law: Registry) -> None:
    metrics = FactMetrics(CollectorRegistry())
    world.made.append(Commands(database=world.database, registry=law, topics=TOPICS, clock=world.clock, metrics=metrics))
    world.clock.advance(IN_FORCE)


def order(**other: Any) -> CaseEvent:
    at = after(IN_FORCE)
    return received(legal_basis="eu-tco", issued_at=at, received_at=at, tally=counts(complied=1), **other)


def informed(revision: int, seconds: float) -> CaseEvent:
    told = order()
    same = {name: getattr(told, name) for name in CaseEvent.__dataclass_fields__}
    return DirectiveInformed(**{**same, "revision": revision}, informed_at=after(IN_FORCE + seconds))


async def clocks(world: World) -> Mapping[Duty, Clock]:
    report = await world.commands.ask(lambda unit: report_on(unit, DIRECTIVE))
    return {clock.duty: clock for clock, _ in report.clocks}


async def alarms(world: World) -> list[str]:
    found = [envelope.data for envelope in await world.findings()]
    return [type(each).__name__ for each in found if isinstance(each, ClockBreached | ClockWarned)]


@pytest.mark.parametrize(("seconds", "state"), [(DAY, ClockState.MET), (DAY + 1, ClockState.MET_LATE)])
async def test_users_were_told_in_time_or_late(world: World, seconds: float, state: ClockState) -> None:
    under(world, giving_a_day())
    await world.tell(order())

    await world.tell(informed(2, seconds), informed(3, seconds + 60))

    told = (await clocks(world))[Duty.INFORM_USER]
    assert (told.state, told.met_at) == (state, after(IN_FORCE + seconds))


@pytest.mark.parametrize(("verified", "told"), [(True, ["ClockBreached"]), (False, [])])
async def test_users_who_are_not_told_in_time_alarm_if_the_duty_is_verified(
    world: World, verified: bool, told: list[str]
) -> None:
    under(world, giving_a_day(verified=verified))
    await world.tell(order())
    world.clock.advance(DAY + 1)

    await world.let_time_work()

    assert await alarms(world) == told


@pytest.mark.parametrize(
    ("user_notice", "sealed"), [(UserNotice.DELAYED, False), (UserNotice.FORBIDDEN, False), (UserNotice.ALLOWED, True)]
)
async def test_what_must_not_be_told_is_nobody_s_breach(world: World, user_notice: UserNotice, sealed: bool) -> None:
    under(world, giving_a_day(user_notice))
    await world.tell(order(sealed=sealed))
    world.clock.advance(DAY + 1)

    await world.let_time_work()

    assert (Duty.INFORM_USER in await clocks(world), await alarms(world)) == (False, [])
