from dataclasses import replace
from datetime import timedelta
from functools import cache

from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, Duty
from services.notifier.domain.compliance import ItemCounts
from services.notifier.handlers.duties import clocks_of, exposure
from shared.registry import DutyKind, Registry, Trigger, load_registry
from tests.unit.notifier.builders import AT, DIRECTIVE, IN, after

NOBODY = ItemCounts(total=0, undecided=0, complied=0, refused=0, not_located=0, withdrawn=0, released={})


@cache
def registry() -> Registry:
    return load_registry()


IN_FORCE = timedelta(days=1000)
"""From AT to a day on which all that ships is in force."""


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


def test_a_fixed_verified_duty_has_a_clock_from_its_trigger() -> None:
    (restrict,) = clocks_of(directive("eu-tco", later=IN_FORCE), registry())

    assert restrict == Clock(
        duty=Duty.RESTRICT, starts_at=after(600) + IN_FORCE, due_at=after(600 + 3600) + IN_FORCE, verified=True
    )


def test_a_directive_issued_before_its_legal_basis_was_in_force_has_neither_clocks_nor_threats() -> None:
    assert clocks_of(directive("eu-tco"), registry()) == []
    assert exposure("eu-tco", AT, 3, registry()).maximum is None


def test_a_duty_that_is_not_verified_is_listed_as_such() -> None:
    clocks = {clock.duty: clock for clock in clocks_of(directive("in-it-act-69a"), registry())}

    assert set(clocks) == {Duty.ACK, Duty.REPLY}
    assert not any(clock.verified for clock in clocks.values())
    assert clocks[Duty.ACK].due_at == after(600) + timedelta(hours=2)


def test_the_time_that_an_order_sets_goes_before_that_of_its_legal_basis() -> None:
    (restrict,) = clocks_of(directive("eu-tco", due_at_seconds=900, later=IN_FORCE), registry())

    assert restrict == Clock(duty=Duty.RESTRICT, starts_at=after(600) + IN_FORCE, due_at=after(900) + IN_FORCE, verified=True)


def test_of_two_duties_of_a_kind_the_earlier_one_counts_and_issue_starts_at_issue() -> None:
    regime = registry().legal_bases["eu-tco"]
    basis = regime.latest
    (fixed,) = [duty for duty in basis.duties if duty.duty is DutyKind.RESTRICT and duty.trigger is Trigger.RECEIPT]
    later = replace(fixed, trigger=Trigger.ISSUE, duration=timedelta(days=9))
    sooner = replace(fixed, trigger=Trigger.ISSUE, duration=timedelta(minutes=30))

    for duties in ((fixed, later, sooner), (sooner, fixed)):
        changed = replace(regime, versions=(replace(basis, duties=duties),))
        (restrict,) = clocks_of(directive("eu-tco", later=IN_FORCE), replace(registry(), legal_bases={"eu-tco": changed}))
        assert (restrict.starts_at, restrict.due_at) == (AT + IN_FORCE, after(1800) + IN_FORCE)


def test_a_legal_basis_that_nobody_knows_has_neither_clocks_nor_threats() -> None:
    assert clocks_of(directive("zz-unheard-of"), registry()) == []
    unknown = exposure("zz-unheard-of", AT, 3, registry())
    assert (unknown.unmet_items, unknown.maximum, unknown.verified) == (3, None, False)


def test_exposure_is_what_the_provision_says() -> None:
    threatened = exposure("in-it-act-69a", AT, 258, registry())

    assert threatened.maximum == "imprisonment up to 7 years and fine, amount not stated in the section"
    assert (threatened.provision, threatened.imprisonment_years_max, threatened.unmet_items) == ("s.69A(3)", 7, 258)
