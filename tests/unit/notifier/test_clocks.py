from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifier.domain.clocks import (
    TRANSITIONS,
    Clock,
    ClockFact,
    ClockState,
    Duty,
    Trigger,
    extend,
    meet,
    next_at,
    pause,
    restart,
    resume,
    run_out,
    state_at,
    tick,
    void,
)
from tests.unit.notifier.builders import AT, after

S, F = ClockState, ClockFact
DUE = 1000
LATER = after(5 * DUE)

EXPECTED = {
    (S.RUNNING, F.PAUSE): S.PAUSED,
    (S.RUNNING, F.EXTEND): S.RUNNING,
    (S.RUNNING, F.MEET): S.MET,
    (S.RUNNING, F.RUN_OUT): S.BREACHED,
    (S.RUNNING, F.VOID): S.VOID,
    (S.PAUSED, F.RESUME): S.RUNNING,
    (S.PAUSED, F.RESTART): S.RUNNING,
    (S.PAUSED, F.EXTEND): S.RUNNING,
    (S.PAUSED, F.MEET): S.MET,
    (S.PAUSED, F.VOID): S.VOID,
    (S.MET, F.RESTART): S.RUNNING,
    (S.MET, F.EXTEND): S.RUNNING,
    (S.BREACHED, F.EXTEND): S.RUNNING,
    (S.BREACHED, F.MEET): S.MET,
    (S.BREACHED, F.MEET_LATE): S.MET_LATE,
    (S.BREACHED, F.VOID): S.VOID,
    (S.MET_LATE, F.RESTART): S.RUNNING,
    (S.MET_LATE, F.EXTEND): S.RUNNING,
}
"""Written out, and not derived from the table."""


def clock(state: ClockState = S.RUNNING, *, duty: Duty = Duty.ACK, verified: bool = True, due: float = DUE) -> Clock:
    """As it stands at 300 seconds, or after its time where it is late."""
    made = Clock(duty=duty, trigger=Trigger.RECEIPT, starts_at=AT, due_at=after(due), verified=verified)
    met, breached = state in {S.MET, S.MET_LATE}, state in {S.BREACHED, S.MET_LATE}
    return replace(
        made,
        state=state,
        met_at=after(due + 50 if breached else 100) if met else None,
        breached_at=after(due) if breached else None,
        paused_at=after(300) if state is S.PAUSED else None,
    )


def fresh() -> Clock:
    return Clock(duty=Duty.ACK, trigger=Trigger.NOTICE, starts_at=after(2000), due_at=after(4000), verified=True)


ACTS = {
    F.PAUSE: lambda before: pause(before, after(400)),
    F.RESUME: lambda before: resume(before, after(700)),
    F.RESTART: lambda before: restart(before, fresh()),
    F.EXTEND: lambda before: extend(before, fresh()),
    F.MEET: lambda before: meet(before, after(500), now=LATER),
    F.MEET_LATE: lambda before: meet(before, after(DUE + 1), now=LATER),
    F.RUN_OUT: lambda before: run_out(before, now=LATER),
    F.VOID: lambda before: void(before, after(600), now=LATER),
}


@pytest.mark.parametrize("fact", F)
@pytest.mark.parametrize("state", S)
def test_the_table_says_what_every_fact_makes_of_every_state(state: ClockState, fact: ClockFact) -> None:
    assert TRANSITIONS[state].get(fact) is EXPECTED.get((state, fact))


@pytest.mark.parametrize("fact", F)
@pytest.mark.parametrize("state", S)
def test_every_fact_leads_where_the_table_says_or_changes_nothing(state: ClockState, fact: ClockFact) -> None:
    before = clock(state)
    expected = EXPECTED.get((state, fact))
    if fact is F.MEET_LATE:
        expected = {S.RUNNING: S.MET_LATE, S.PAUSED: S.MET}.get(state, expected)

    found = ACTS[fact](before)

    assert found.state is (expected or state)
    assert expected is not None or found == before


def test_a_paused_clock_keeps_what_was_left_and_falls_due_later_by_the_pause() -> None:
    paused = pause(clock(), after(400))
    resumed = resume(paused, after(900))

    assert paused.left == timedelta(seconds=600)
    assert (resumed.due_at, resumed.paused, resumed.paused_at) == (after(DUE + 500), timedelta(seconds=500), None)
    assert resumed.length == clock().length
    assert resumed.left is None


def test_a_clock_whose_time_is_up_cannot_be_paused() -> None:
    assert pause(clock(), after(DUE)) == clock()


def test_a_pause_that_ends_before_it_began_gives_no_time() -> None:
    assert resume(pause(clock(), after(400)), after(300)).due_at == after(DUE)


def test_what_is_set_anew_forgets_how_it_stood_before() -> None:
    assert restart(clock(S.MET_LATE), fresh()) == fresh()
    assert extend(replace(clock(S.BREACHED), warned=80), fresh()) == fresh()


@pytest.mark.parametrize(
    ("before", "at", "state"),
    [
        pytest.param(clock(), DUE, S.MET, id="at the last instant"),
        pytest.param(clock(), DUE + 1, S.MET_LATE, id="late, before anybody saw that its time was up"),
        pytest.param(clock(S.BREACHED), 10, S.MET, id="in time, which was learnt after the breach"),
        pytest.param(clock(S.PAUSED), DUE + 1, S.MET, id="while it stood still, there is no late"),
        pytest.param(clock(verified=False), DUE + 1, S.MET, id="what is not verified is never late"),
        pytest.param(clock(duty=Duty.LAPSE), DUE + 1, S.MET, id="what cannot be breached is never late"),
    ],
)
def test_a_duty_is_met_in_time_or_late(before: Clock, at: float, state: ClockState) -> None:
    found = meet(before, after(at), now=LATER)

    assert (found.state, found.met_at) == (state, after(at))
    assert (found.breached_at is not None) is (state is S.MET_LATE or before.state is S.BREACHED)


@pytest.mark.parametrize(
    ("duty", "at", "breached"),
    [(Duty.ACK, DUE + 1, True), (Duty.ACK, DUE, False), (Duty.RESTRICT, DUE + 1, False), (Duty.INFORM_USER, DUE + 1, True)],
)
def test_silence_beyond_the_time_stays_a_breach_when_the_directive_ends(duty: Duty, at: float, breached: bool) -> None:
    found = void(clock(duty=duty), after(at), now=LATER)

    assert (found.state, found.breached_at) == (S.VOID, LATER if breached else None)


@pytest.mark.parametrize(
    ("at", "warned", "upcoming"),
    [(0, 0, 500), (499, 0, 500), (500, 50, 800), (799, 50, 800), (800, 80, DUE), (999, 80, DUE)],
)
def test_it_warns_at_half_and_at_four_fifths_of_its_time(at: float, warned: int, upcoming: float) -> None:
    found = tick(clock(), now=after(at))

    assert (found.state, found.warned, next_at(found)) == (S.RUNNING, warned, after(upcoming))


def test_pauses_do_not_count_as_time_gone() -> None:
    resumed = resume(pause(clock(), after(400)), after(10_400))

    assert next_at(resumed) == after(10_500)
    assert tick(resumed, now=after(10_499)) == resumed
    assert next_at(tick(resumed, now=after(10_500))) == after(10_800)


def test_whoever_looks_late_hears_of_the_gravest_alone() -> None:
    assert tick(clock(), now=after(900)).warned == 80
    assert tick(clock(), now=LATER) == replace(clock(), state=S.BREACHED, breached_at=LATER)


def test_nothing_un_happens_when_the_time_jumps_back() -> None:
    warned, breached = tick(clock(), now=after(900)), tick(clock(), now=LATER)

    assert tick(warned, now=AT) == warned
    assert tick(breached, now=AT) == breached
    assert next_at(breached) is None


@pytest.mark.parametrize(("settled", "state"), [(DUE, S.MET), (DUE + 1, S.MET_LATE), (-10, S.MET)])
def test_items_that_settled_meet_a_clock_when_it_is_looked_at(settled: float, state: ClockState) -> None:
    found = tick(clock(duty=Duty.RESTRICT), now=LATER, settled_at=after(settled))

    assert (found.state, found.met_at) == (state, after(max(0, settled)))


def test_what_was_recorded_as_met_is_not_judged_again() -> None:
    assert tick(clock(S.MET), now=LATER, settled_at=after(DUE + 1)) == clock(S.MET)


@pytest.mark.parametrize(
    "quiet",
    [
        *(pytest.param(clock(state), id=state) for state in S if state is not S.RUNNING),
        pytest.param(clock(verified=False), id="not verified"),
        pytest.param(clock(duty=Duty.LAPSE), id="the blocklist ends claims"),
    ],
)
def test_what_cannot_run_out_waits_for_no_moment(quiet: Clock) -> None:
    assert next_at(quiet) is None
    assert tick(quiet, now=LATER) == quiet


@pytest.mark.parametrize("verified", [True, False])
def test_what_had_to_be_kept_has_been_kept_when_the_time_is_over(verified: bool) -> None:
    retain = clock(duty=Duty.RETAIN, verified=verified)

    assert next_at(retain) == after(DUE)
    assert tick(retain, now=after(DUE - 1)) == retain
    assert tick(retain, now=LATER) == replace(retain, state=S.MET, met_at=after(DUE))


@pytest.mark.parametrize(("at", "state"), [(0, S.RUNNING), (DUE, S.BREACHED)])
def test_a_breach_is_seen_before_anybody_has_recorded_it(at: float, state: ClockState) -> None:
    assert state_at(clock(), after(at)) is state
