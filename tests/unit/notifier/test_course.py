"""What happened to a directive, and what its clocks are after it, whatever the order in which it was learnt."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.changes import Change, changes
from services.notifier.domain.clocks import Clock, ClockState, Duty, Trigger, tick
from services.notifier.domain.course import Happened, Happening, Term, carried, course, released
from tests.unit.notifier.builders import AT, DIRECTIVE, after

S, H = ClockState, Happened
NOW = after(100_000)
_revisions = itertools.count(1)


def lasting(seconds: float | None) -> Callable[[datetime], datetime | None]:
    return lambda started: None if seconds is None else started + timedelta(seconds=seconds)


def term(duty: Duty, seconds: float | None = 1000, *, trigger: Trigger = Trigger.RECEIPT, pausable: bool = False) -> Term:
    starts_at = AT if trigger in {Trigger.RECEIPT, Trigger.ISSUE, Trigger.ORDER} else None
    return Term(duty=duty, trigger=trigger, starts_at=starts_at, due=lasting(seconds), verified=True, pausable=pausable)


TERMS = (
    term(Duty.ACK, 500),
    term(Duty.RESTRICT, 1000, pausable=True),
    term(Duty.REPLY, None),
    term(Duty.LAPSE, 2000),
    term(Duty.RETAIN, 9000),
)
ANEW = (*TERMS, term(Duty.RESTRICT, 600, trigger=Trigger.CLARIFICATION, pausable=True))


def happened(what: Happened, at: float, **other: Any) -> Happening:
    return Happening(directive=DIRECTIVE, revision=next(_revisions), what=what, at=after(at), **other)


def notice(kind: str, at: float, due: float | None = None, **other: Any) -> Happening:
    return happened(H.NOTICE, at, kind=kind, due_at=None if due is None else after(due), **other)


def reply(at: float, kind: str = "acknowledgement") -> Happening:
    return happened(H.REPLY, at, kind=kind)


def clocks(*happenings: Happening, terms: Iterable[Term] = TERMS) -> dict[Duty, Clock]:
    return course(tuple(terms), happenings, now=NOW)


def one(*happenings: Happening, of: Duty = Duty.RESTRICT, terms: Iterable[Term] = TERMS) -> Clock:
    return clocks(*happenings, terms=terms)[of]


def test_every_duty_with_a_known_time_has_a_clock_and_no_other() -> None:
    found = clocks()

    assert {duty: clock.due_at for duty, clock in found.items()} == {
        Duty.ACK: after(500),
        Duty.RESTRICT: after(1000),
        Duty.LAPSE: after(2000),
        Duty.RETAIN: after(9000),
    }
    assert {clock.state for clock in found.values()} == {S.RUNNING}


@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_times_for_a_duty_the_earlier_counts_and_that_of_the_order_before_either(reverse: bool) -> None:
    law = [term(Duty.RESTRICT, 1000), term(Duty.RESTRICT, 300, trigger=Trigger.ISSUE)]
    order = term(Duty.RESTRICT, 7000, trigger=Trigger.ORDER)

    assert one(terms=reversed(law) if reverse else law).due_at == after(300)
    assert one(terms=[order, *law] if reverse else [*law, order]).due_at == after(7000)


def test_any_reply_meets_what_asks_for_one_and_the_first_one_counts() -> None:
    terms = (term(Duty.ACK), term(Duty.REPLY))

    found = clocks(reply(70, "dialogue_request"), reply(30), terms=terms)

    assert {clock.met_at for clock in found.values()} == {after(30)}
    assert {clock.state for clock in found.values()} == {S.MET}


def test_a_reply_from_before_the_clock_meets_nothing() -> None:
    assert one(reply(-1), of=Duty.ACK).state is S.RUNNING


def test_a_late_reply_is_a_breach_and_a_duty_met_late() -> None:
    found = one(reply(501), of=Duty.ACK)

    assert (found.state, found.breached_at) == (S.MET_LATE, NOW)


@pytest.mark.parametrize("kind", ["clarification_request", "impossibility"])
def test_a_question_pauses_what_can_be_paused_and_nothing_else(kind: str) -> None:
    found = clocks(reply(400, kind))

    assert (found[Duty.RESTRICT].state, found[Duty.RESTRICT].paused_at) == (S.PAUSED, after(400))
    assert {duty for duty, clock in found.items() if clock.state is S.PAUSED} == {Duty.RESTRICT}


@pytest.mark.parametrize("end", [notice("clarification", 700), happened(H.IMPEDIMENT_ENDED, 700), happened(H.ACCEPTED, 700)])
def test_the_answer_gives_back_what_was_left_or_all_of_it_as_the_law_says(end: Happening) -> None:
    question = reply(400, "clarification_request")
    resumed, anew = one(question, end), one(question, end, terms=ANEW)

    assert (resumed.state, resumed.due_at, resumed.trigger) == (S.RUNNING, after(1300), Trigger.RECEIPT)
    assert (anew.state, anew.starts_at, anew.due_at, anew.trigger) == (
        S.RUNNING,
        after(700),
        after(1300),
        Trigger.CLARIFICATION,
    )


def test_a_clarification_that_nobody_waits_for_starts_nothing_anew() -> None:
    assert one(notice("clarification", 700), terms=ANEW) == one(terms=ANEW)


def test_a_question_asked_too_late_stops_nothing() -> None:
    assert one(reply(1000, "impossibility")).state is S.RUNNING


def test_an_incomplete_order_asks_for_nothing_until_it_is_accepted() -> None:
    incomplete = happened(H.INCOMPLETE, 0)
    waiting = clocks(incomplete, notice("clarification", 300))
    accepted = one(incomplete, notice("clarification", 300), happened(H.ACCEPTED, 800))

    assert (waiting[Duty.RESTRICT].state, waiting[Duty.ACK].state) == (S.PAUSED, S.RUNNING)
    assert (accepted.state, accepted.due_at) == (S.RUNNING, after(1800))


def test_a_clock_that_two_things_hold_runs_when_both_are_over() -> None:
    story = (reply(100, "impossibility"), happened(H.STAYED, 200), notice("clarification", 300))

    assert one(*story).state is S.PAUSED
    assert one(*story, happened(H.UNSTAYED, 500)).due_at == after(1400)


def test_a_stay_suspends_the_time_to_restrict_and_gives_it_back() -> None:
    terms = (term(Duty.RESTRICT), term(Duty.RESTRICT, 9, trigger=Trigger.CLARIFICATION), term(Duty.ACK))
    stayed = clocks(happened(H.STAYED, 100), terms=terms)

    assert (stayed[Duty.RESTRICT].state, stayed[Duty.ACK].state) == (S.PAUSED, S.RUNNING)
    assert one(happened(H.STAYED, 100), happened(H.UNSTAYED, 150), terms=terms).due_at == after(1050)


@pytest.mark.parametrize(
    ("kind", "duty"),
    [
        ("non_compliance", Duty.RESTRICT),
        ("reminder", Duty.RESTRICT),
        ("clarification", Duty.REPLY),
        ("hearing", Duty.REPLY),
    ],
)
def test_a_notice_with_a_deadline_sets_the_clock_of_what_it_asks_for(kind: str, duty: Duty) -> None:
    found = one(notice(kind, 50, 5000, provision="s.69A(3)"), of=duty)

    assert (found.trigger, found.starts_at, found.due_at, found.source) == (Trigger.NOTICE, after(50), after(5000), "s.69A(3)")
    assert found.pausable is (duty is Duty.RESTRICT)


@pytest.mark.parametrize("found", [notice("hearing", 50), notice("serenade", 50, 5000)])
def test_a_notice_without_a_deadline_or_of_an_unknown_kind_sets_nothing(found: Happening) -> None:
    assert clocks(found) == clocks()


def test_a_notice_starts_the_time_that_the_law_gives_from_a_notice() -> None:
    terms = (*TERMS, term(Duty.REPLY, 300, trigger=Trigger.NOTICE))

    assert one(notice("hearing", 50), of=Duty.REPLY, terms=terms).due_at == after(350)


def test_a_deadline_ends_the_pause_of_what_it_is_set_for() -> None:
    question, demand = reply(100, "impossibility"), notice("reminder", 200, 900)

    assert one(question, demand).due_at == after(900)
    assert one(question, demand, notice("clarification", 300)) == one(question, demand)


def test_an_older_notice_that_is_learnt_later_changes_nothing() -> None:
    newer, older = notice("reminder", 500, 5000), notice("reminder", 100, 700)

    assert one(newer, older).due_at == after(5000)


def test_the_end_of_a_directive_makes_its_clocks_void_but_what_must_be_kept_is_kept() -> None:
    found = clocks(reply(10), happened(H.ENDED, 400), notice("hearing", 450, 900))

    assert {duty: clock.state for duty, clock in found.items()} == {
        Duty.ACK: S.MET,
        Duty.RESTRICT: S.VOID,
        Duty.LAPSE: S.VOID,
        Duty.RETAIN: S.RUNNING,
    }


def test_a_confirmation_meets_the_clock_of_the_lapse() -> None:
    assert one(happened(H.CONFIRMED, 60), of=Duty.LAPSE).met_at == after(60)


def test_that_users_were_told_meets_the_duty_to_tell_them_and_nothing_else() -> None:
    terms = (*TERMS, term(Duty.INFORM_USER, 800))
    found = clocks(happened(H.INFORMED, 60), terms=terms)

    assert {duty: clock.met_at for duty, clock in found.items() if clock.state is S.MET} == {Duty.INFORM_USER: after(60)}
    assert one(happened(H.INFORMED, 801), of=Duty.INFORM_USER, terms=terms).state is S.MET_LATE


def test_what_lapses_ends_the_time_to_confirm_and_nothing_else() -> None:
    lapsed = clocks(happened(H.LAPSED, 2000))

    assert {duty: clock.state for duty, clock in lapsed.items() if clock.state is not S.RUNNING} == {Duty.LAPSE: S.VOID}


def test_what_was_confirmed_before_anything_lapsed_stays_so() -> None:
    assert one(happened(H.CONFIRMED, 60), happened(H.LAPSED, 2000), of=Duty.LAPSE).state is S.MET


def test_claims_that_ended_have_a_clock_of_their_own() -> None:
    assert clocks(happened(H.CLAIMS_ENDED, 60)) == clocks()


STORY = (
    reply(100, "clarification_request"),
    notice("clarification", 300),
    reply(350, "impossibility"),
    notice("reminder", 400, 2000),
    happened(H.STAYED, 500),
    happened(H.UNSTAYED, 700),
    reply(800),
    happened(H.INFORMED, 1900),
    happened(H.LAPSED, 2000),
    happened(H.ENDED, 3000),
)


@given(st.permutations(STORY))
def test_the_order_in_which_it_was_learnt_makes_no_difference(learnt: list[Happening]) -> None:
    assert clocks(*learnt, terms=ANEW) == clocks(*STORY, terms=ANEW)


class TestWhatWasRecorded:
    def test_of_another_run_does_not_count(self) -> None:
        before = tick(one(), now=NOW)

        assert carried(before, one(notice("reminder", 100, 700))) == one(notice("reminder", 100, 700))
        assert carried(None, one()) == one()

    def test_as_breached_or_warned_of_stays(self) -> None:
        breached, warned = tick(one(), now=NOW), tick(one(), now=after(850))

        assert carried(breached, one()) == breached
        assert carried(warned, one()).warned == 80
        assert carried(warned, one(reply(400, "impossibility"))).warned == 80
        assert carried(warned, one(reply(400, "impossibility"), notice("clarification", 500))).warned == 80

    def test_as_met_by_items_stays_whatever_follows(self) -> None:
        met = tick(one(), now=NOW, settled_at=after(200))

        assert carried(met, one(reply(400, "impossibility"))) == met
        assert carried(met, one(happened(H.ENDED, 400))) == met

    def test_as_breached_is_void_when_the_directive_ends(self) -> None:
        breached = tick(one(), now=after(1200))

        assert carried(breached, one(happened(H.ENDED, 4000))) == replace(breached, state=S.VOID)

    def test_as_breached_is_taken_back_by_a_question_in_time_that_was_learnt_late(self) -> None:
        found = carried(tick(one(), now=NOW), one(reply(400, "impossibility")))

        assert (found.state, found.breached_at) == (S.PAUSED, None)


class TestReleases:
    WITHIN = timedelta(seconds=100)

    def test_start_a_clock_when_claims_end(self) -> None:
        found = released(None, [after(70), after(50)], self.WITHIN)

        assert found is not None
        assert (found.duty, found.starts_at, found.due_at, found.verified) == (Duty.RELEASE, after(50), after(150), True)

    def test_give_no_more_time_to_those_under_way(self) -> None:
        running = released(None, [AT], self.WITHIN)
        assert running is not None

        assert released(running, [after(50)], self.WITHIN) == running
        assert released(tick(running, now=NOW), [after(500)], self.WITHIN) == tick(running, now=NOW)

    def test_start_anew_once_the_ones_before_were_applied(self) -> None:
        running = released(None, [AT], self.WITHIN)
        assert running is not None
        met = tick(running, now=NOW, settled_at=after(50))

        found = released(met, [after(500)], self.WITHIN)

        assert found is not None
        assert (found.state, found.starts_at, found.met_at) == (S.RUNNING, after(500), None)
        assert released(met, [AT], self.WITHIN) == met

    def test_need_no_clock_while_nothing_has_ended(self) -> None:
        assert released(None, [], self.WITHIN) is None


QUESTION = reply(400, "clarification_request")


@pytest.mark.parametrize(
    ("before", "found", "told"),
    [
        pytest.param(None, one(), [Change.STARTED], id="new"),
        pytest.param(one(), one(), [], id="the same"),
        pytest.param(None, one(QUESTION), [Change.STARTED, Change.PAUSED], id="new, and waiting at once"),
        pytest.param(one(), one(QUESTION), [Change.PAUSED], id="paused"),
        pytest.param(one(QUESTION), one(QUESTION, notice("clarification", 400)), [Change.RESUMED], id="a pause of no length"),
        pytest.param(one(), one(QUESTION, notice("clarification", 500)), [Change.RESUMED], id="a pause learnt when it was over"),
        pytest.param(
            one(QUESTION, terms=ANEW),
            one(QUESTION, notice("clarification", 500), terms=ANEW),
            [Change.RESUMED],
            id="anew after a clarification",
        ),
        pytest.param(one(), one(notice("reminder", 5, 900)), [Change.EXTENDED], id="set anew"),
        pytest.param(tick(one(), now=NOW), one(notice("reminder", 5, 900)), [Change.EXTENDED], id="set anew after a breach"),
        pytest.param(
            tick(one(), now=NOW, settled_at=AT), one(notice("reminder", 5, 900)), [Change.STARTED], id="asked for once more"
        ),
        pytest.param(one(), tick(one(), now=after(600)), [Change.WARNED], id="warned of"),
        pytest.param(one(), tick(one(), now=NOW), [Change.BREACHED], id="breached"),
        pytest.param(tick(one(), now=NOW), tick(one(), now=NOW), [], id="breached before"),
        pytest.param(one(), tick(one(), now=NOW, settled_at=NOW), [Change.BREACHED, Change.MET], id="met late, seen at once"),
        pytest.param(one(of=Duty.ACK), one(reply(9), of=Duty.ACK), [Change.MET], id="met"),
        pytest.param(one(), one(happened(H.ENDED, 9)), [], id="void"),
    ],
)
def test_what_is_told_of_a_clock(before: Clock | None, found: Clock, told: list[Change]) -> None:
    assert changes(before, found) == told
