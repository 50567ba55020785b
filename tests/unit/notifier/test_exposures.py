"""From the registry and the state of a directive to its exposure."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, ClockState, Duty, Trigger
from services.notifier.domain.compliance import Effect, ItemCounts, Standing
from services.notifier.domain.exposure import Exposure
from services.notifier.handlers.exposures import exposure_of
from services.notifier.store.correspondence import Tally
from shared.registry import Registry, load_registry
from tests.unit.notifier.builders import AT, DIRECTIVE, IN, after

COUNTS = ItemCounts(total=258, undecided=0, complied=0, refused=258, not_located=0, withdrawn=0, released={})
SILENT = Tally(notices=0, replies=0, non_compliance=0, noticed_at=None, cited=frozenset())
NOTICED = Tally(notices=1, replies=0, non_compliance=1, noticed_at=after(300), cited=frozenset({"Section 1", "s. 69A (3)"}))
_AT_ONCE = timedelta()
LATER = timedelta(days=2000)
"""From AT to a day on which all that ships without an end is in force."""


@cache
def registry() -> Registry:
    return load_registry()


def directive(legal_basis: str = "in-it-act-69a", *, channel: str = "official", later: timedelta = timedelta()) -> Directive:
    return Directive(
        id=DIRECTIVE,
        revision=1,
        jurisdictions=(IN,),
        legal_basis=legal_basis,
        status="in_force",
        issued_at=AT + later,
        received_at=AT + later,
        due_at=None,
        counts=COUNTS,
        channel=channel,
    )


def standing(**other: Any) -> Standing:
    values: dict[str, Any] = {
        "status": "in_force",
        "counts": COUNTS,
        "effect": Effect(),
        "non_compliance_noticed": False,
        "clocks": (),
    }
    return Standing(**(values | other))


def clock(duty: Duty, state: ClockState) -> tuple[Clock, ClockState]:
    return Clock(duty=duty, trigger=Trigger.RECEIPT, starts_at=AT, due_at=after(100), verified=True), state


def judge(case: Directive, of: Standing | None = None, tally: Tally = SILENT, *clocks: tuple[Clock, ClockState]) -> Exposure:
    return exposure_of(case, of or standing(), tally, clocks, registry=registry(), now=after(86_400) + LATER)


def test_exposure_is_what_the_provision_says() -> None:
    found = judge(directive())

    assert found.first is not None
    threat = found.first.threat
    assert threat.maximum == "imprisonment up to 7 years and fine, amount not stated in the section"
    assert (threat.provision, threat.imprisonment_years_max, threat.verified) == ("s.69A(3)", 7, True)
    assert (found.unmet_items, found.since) == (258, None)
    assert found.at_risk == ("the intermediary", "its officers, who have been threatened personally")


@pytest.mark.parametrize(
    ("duty", "state", "kinds"),
    [
        (Duty.RESTRICT, ClockState.BREACHED, ["restrict"]),
        (Duty.ACK, ClockState.BREACHED, ["ack"]),
        (Duty.REPLY, ClockState.BREACHED, ["reply"]),
        (Duty.RELEASE, ClockState.BREACHED, []),
        (Duty.RESTRICT, ClockState.RUNNING, []),
        (Duty.RESTRICT, ClockState.PAUSED, []),
        (Duty.RESTRICT, ClockState.VOID, []),
        (Duty.RESTRICT, ClockState.MET, []),
        (Duty.RESTRICT, ClockState.MET_LATE, []),
    ],
)
def test_a_breached_duty_is_unmet_since_its_time_was_up(duty: Duty, state: ClockState, kinds: list[str]) -> None:
    found = judge(directive(), None, SILENT, clock(duty, state))

    assert [each.what for each in found.unmet] == kinds
    assert found.since == (after(100) if kinds else None)


def test_a_notice_of_non_compliance_counts_from_its_receipt_and_names_its_clause() -> None:
    found = judge(directive(), None, NOTICED)

    assert [(each.what, each.since) for each in found.unmet] == [("non_compliance", after(300))]
    assert [clause.cited for clause in found.clauses] == [True]


def test_a_notice_that_full_compliance_has_met_does_not_count_any_more() -> None:
    met = standing(counts=replace(COUNTS, refused=0, complied=258), effect=Effect(enforced=258, met=258))

    assert not judge(directive(), met, NOTICED).open


def test_a_unilateral_release_counts_from_its_moment() -> None:
    found = judge(directive(), standing(effect=Effect(unilateral=258, unilateral_at=after(200))), NOTICED)

    assert [each.what for each in found.unmet] == ["unilateral_release", "non_compliance"]
    assert found.since == after(200)


def test_nothing_is_unmet_of_a_directive_that_has_ended() -> None:
    ended = standing(status="rescinded", effect=Effect(unilateral=1, unilateral_at=AT))

    assert not judge(directive(), ended, NOTICED, clock(Duty.ACK, ClockState.BREACHED)).open


def test_an_informal_request_has_no_exposure_whatever_it_cites() -> None:
    released = standing(effect=Effect(unilateral=1, unilateral_at=AT))

    found = judge(directive(channel="informal"), released, NOTICED, clock(Duty.ACK, ClockState.BREACHED))

    assert found == Exposure(legal_basis="in-it-act-69a")


@pytest.mark.parametrize("basis", ["zz-unheard-of", "eu-tco", "us-take-it-down"])
def test_what_nobody_knows_or_was_not_in_force_at_issue_threatens_nothing(basis: str) -> None:
    found = judge(directive(basis))

    assert (found.clauses, found.unmet_items) == ((), 258)


def test_a_clause_that_is_not_verified_says_so() -> None:
    found = judge(directive("eu-tco", later=LATER))

    assert found.first is not None
    assert (found.first.threat.verified, found.first.threat.maximum) == (False, "fine up to 4 % of turnover (unverified)")


def test_a_sum_per_day_accrues_in_its_currency() -> None:
    case = directive("sg-ocha", later=LATER)
    breached, state = clock(Duty.RESTRICT, ClockState.BREACHED)

    (clause,) = judge(case, None, SILENT, (replace(breached, due_at=AT + LATER - timedelta(days=2)), state)).clauses

    assert (clause.threat.per_day, clause.threat.currency) == ("SGD 100,000 per day", "SGD")
    assert (clause.days, clause.accrued_minor) == (3, 30_000_000)
