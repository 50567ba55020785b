from datetime import datetime

import pytest

from services.notifier.domain.clocks import Clock, ClockState, Duty, clock_of_notice, clock_state
from tests.unit.notifier.builders import AT, after

DUE = 3600


@pytest.mark.parametrize(
    ("met", "breached", "now", "state"),
    [
        pytest.param(None, None, 0, ClockState.RUNNING, id="time is left"),
        pytest.param(None, None, DUE, ClockState.BREACHED, id="time is up, nobody has recorded it yet"),
        pytest.param(None, DUE, DUE + 1, ClockState.BREACHED, id="recorded and unmet"),
        pytest.param(10, None, DUE + 1, ClockState.MET, id="met in time"),
        pytest.param(DUE, None, DUE, ClockState.MET, id="met at the last instant"),
        pytest.param(DUE + 1, None, DUE + 2, ClockState.MET_LATE, id="met late"),
        pytest.param(DUE + 1, DUE, DUE + 2, ClockState.MET_LATE, id="breached and met afterwards"),
        pytest.param(10, DUE, DUE + 2, ClockState.MET, id="met in time, which was learnt late"),
    ],
)
def test_the_state_of_a_clock(met: int | None, breached: int | None, now: int, state: ClockState) -> None:
    assert clock_state(clock(met, breached), now=after(now)) is state


@pytest.mark.parametrize(("met", "state"), [(None, ClockState.RUNNING), (DUE + 9, ClockState.MET)])
def test_a_duty_that_is_not_verified_is_never_breached(met: int | None, state: ClockState) -> None:
    assert clock_state(clock(met, None, verified=False), now=after(2 * DUE)) is state


@pytest.mark.parametrize(
    ("kind", "due", "duty"),
    [
        ("non_compliance", DUE, Duty.RESTRICT),
        ("reminder", DUE, Duty.RESTRICT),
        ("clarification", DUE, Duty.REPLY),
        ("hearing", DUE, Duty.REPLY),
        pytest.param("hearing", None, None, id="no deadline"),
        pytest.param("serenade", DUE, None, id="of a kind that nobody knows"),
    ],
)
def test_a_notice_with_a_deadline_sets_the_clock_of_what_it_asks_for(kind: str, due: int | None, duty: Duty | None) -> None:
    found = clock_of_notice(kind, AT, instant(due))

    assert found == (Clock(duty=duty, starts_at=AT, due_at=after(DUE), verified=True) if duty else None)


def clock(met: int | None, breached: int | None, *, verified: bool = True) -> Clock:
    return Clock(
        duty=Duty.ACK, starts_at=AT, due_at=after(DUE), verified=verified, met_at=instant(met), breached_at=instant(breached)
    )


def instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else after(seconds)
