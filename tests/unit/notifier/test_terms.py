"""What the law in force, and the order, say about each duty's time."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, ClockState, Duty, Trigger
from services.notifier.domain.compliance import ItemCounts
from services.notifier.domain.course import course
from services.notifier.handlers.terms import terms_of
from shared.registry import DutyKind, Registry, UserNotice, load_registry
from shared.registry import Trigger as LegalTrigger
from tests.unit.notifier.builders import AT, DIRECTIVE, IN, after

NOBODY = ItemCounts(total=0, undecided=0, complied=0, refused=0, not_located=0, withdrawn=0, released={})
IN_FORCE = timedelta(days=1000)
"""From AT to a day on which all that ships is in force."""


@cache
def registry() -> Registry:
    return load_registry()


def directive(legal_basis: str, *, due_at_seconds: float | None = None, later: timedelta = timedelta()) -> Directive:
    return Directive(
        id=DIRECTIVE,
        revision=1,
        jurisdictions=(IN,),
        legal_basis=legal_basis,
        status="in_force",
        issued_at=AT + later,
        received_at=after(600) + later,
        due_at=None if due_at_seconds is None else after(due_at_seconds) + later,
        counts=NOBODY,
    )


def clocks(of: Directive, regimes: Registry | None = None) -> dict[Duty, Clock]:
    return course(terms_of(of, regimes or registry()), [], now=AT)


def test_a_fixed_verified_duty_has_a_clock_from_its_trigger() -> None:
    restrict = clocks(directive("eu-tco", later=IN_FORCE))[Duty.RESTRICT]

    assert restrict == Clock(
        duty=Duty.RESTRICT,
        trigger=Trigger.RECEIPT,
        starts_at=after(600) + IN_FORCE,
        due_at=after(600 + 3600) + IN_FORCE,
        verified=True,
        pausable=True,
        source="Regulation (EU) 2021/784, Art. 3(3)",
    )


def test_what_must_be_kept_and_what_lapses_have_clocks_too() -> None:
    assert set(clocks(directive("eu-tco", later=IN_FORCE))) == {Duty.RESTRICT, Duty.RETAIN}
    assert set(clocks(directive("in-it-act-69a-emergency"))) == {Duty.ACK, Duty.LAPSE}


def test_a_directive_issued_before_its_legal_basis_was_in_force_has_no_clocks() -> None:
    assert clocks(directive("eu-tco")) == {}


def test_a_legal_basis_that_nobody_knows_sets_no_clocks_but_the_order_may() -> None:
    assert clocks(directive("zz-unheard-of")) == {}
    assert set(clocks(directive("zz-unheard-of", due_at_seconds=900))) == {Duty.RESTRICT}


def test_a_duty_that_is_not_verified_is_listed_as_such() -> None:
    found = clocks(directive("in-it-act-69a"))

    assert set(found) == {Duty.ACK, Duty.REPLY}
    assert not any(clock.verified for clock in found.values())
    assert {clock.state for clock in found.values()} == {ClockState.RUNNING}
    assert found[Duty.ACK].due_at == after(600) + timedelta(hours=2)


def test_the_time_that_an_order_sets_goes_before_that_of_its_legal_basis_and_pauses_like_it() -> None:
    restrict = clocks(directive("eu-tco", due_at_seconds=900, later=IN_FORCE))[Duty.RESTRICT]

    assert (restrict.trigger, restrict.due_at, restrict.verified) == (Trigger.ORDER, after(900) + IN_FORCE, True)
    assert (restrict.pausable, restrict.source) == (True, "set by the order")


def test_a_time_that_is_that_of_the_law_is_the_laws() -> None:
    restrict = clocks(directive("eu-tco", due_at_seconds=600 + 3600, later=IN_FORCE))[Duty.RESTRICT]

    assert (restrict.trigger, restrict.source) == (Trigger.RECEIPT, "Regulation (EU) 2021/784, Art. 3(3)")


def test_issue_starts_at_issue() -> None:
    regime = registry().legal_bases["eu-tco"]
    (fixed,) = [each for each in regime.latest.duties if each.duty is DutyKind.RESTRICT and each.trigger is LegalTrigger.RECEIPT]
    duty = replace(fixed, trigger=LegalTrigger.ISSUE, duration=timedelta(minutes=30))
    changed = replace(regime, versions=(replace(regime.latest, duties=(duty,)),))

    restrict = clocks(directive("eu-tco", later=IN_FORCE), replace(registry(), legal_bases={"eu-tco": changed}))[Duty.RESTRICT]

    assert (restrict.starts_at, restrict.due_at) == (AT + IN_FORCE, after(1800) + IN_FORCE)


def test_an_interim_order_lapses_when_its_events_say_and_else_when_the_law_does() -> None:
    interim = directive("in-it-act-69a-emergency")
    by_law, backfilled = clocks(interim)[Duty.LAPSE], clocks(replace(interim, lapses_at=after(10**8)))[Duty.LAPSE]

    assert by_law.due_at == AT + timedelta(hours=48)
    assert backfilled == replace(by_law, due_at=after(10**8))


def test_what_no_law_lets_lapse_does_not() -> None:
    assert Duty.LAPSE not in clocks(replace(directive("in-it-act-69a"), lapses_at=after(5)))


def with_time_to_tell(user_notice: UserNotice, *, verified: bool = True) -> Registry:
    """EU removal orders, as if the law gave a day to tell users."""
    regime = registry().legal_bases["eu-tco"]
    (told,) = [each for each in regime.latest.duties if each.duty is DutyKind.INFORM_USER]
    duty = replace(told, in_order=False, duration=timedelta(days=1), verified=verified)
    changed = replace(regime, versions=(replace(regime.latest, duties=(duty,), user_notice=user_notice),))
    return replace(registry(), legal_bases={"eu-tco": changed})


@pytest.mark.parametrize("user_notice", UserNotice)
@pytest.mark.parametrize("sealed", [True, False])
def test_users_have_to_be_told_in_time_where_they_may_be_told(user_notice: UserNotice, sealed: bool) -> None:
    order = replace(directive("eu-tco", later=IN_FORCE), sealed=sealed)

    found = clocks(order, with_time_to_tell(user_notice))

    may = user_notice is UserNotice.ALLOWED and not sealed
    expected = {Duty.INFORM_USER: after(600) + IN_FORCE + timedelta(days=1)} if may else {}
    assert {duty: clock.due_at for duty, clock in found.items()} == expected


@pytest.mark.parametrize("verified", [True, False])
def test_a_time_to_tell_users_alarms_if_it_is_verified(verified: bool) -> None:
    found = clocks(directive("eu-tco", later=IN_FORCE), with_time_to_tell(UserNotice.ALLOWED, verified=verified))

    assert found[Duty.INFORM_USER].alarmed is verified
