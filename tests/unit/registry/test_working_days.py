"""Working time: what counts, and where it ends. 2026-03-02 is a Monday."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.registry import Calendar, Duty, DutyKind, Trigger, after_working_time

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """An instant of the week that begins on MONDAY, or of one after it."""
    return MONDAY + timedelta(days=day - 1, hours=hour, minutes=minute)


def make_duty(*, calendar: Calendar = Calendar.CONTINUOUS, duration: timedelta | None = 7 * DAY) -> Duty:
    return Duty(
        duty=DutyKind.REPLY,
        trigger=Trigger.RECEIPT,
        duration=duration,
        in_order=duration is None,
        calendar=calendar,
        verified=True,
        source="An Act",
    )


@pytest.mark.parametrize(
    ("started", "length", "due"),
    [
        pytest.param(at(1, 9), 2 * DAY, at(3, 9), id="within a week"),
        pytest.param(at(5, 18), 2 * HOUR, at(5, 20), id="ends on Friday evening"),
        pytest.param(at(5, 18), 6 * HOUR, at(6), id="ends with Friday, at its midnight"),
        pytest.param(at(1), 5 * DAY, at(6), id="a whole working week ends with its Friday"),
        pytest.param(at(5, 18), 7 * HOUR, at(8, 1), id="an hour more goes on on Monday"),
        pytest.param(at(5, 18), 1 * DAY, at(8, 18), id="a day from Friday evening is Monday evening"),
        pytest.param(at(6), 1 * HOUR, at(8, 1), id="starts at the midnight that begins Saturday"),
        pytest.param(at(6, 12), 1 * DAY, at(9), id="starts on Saturday noon: counts from Monday midnight"),
        pytest.param(at(7, 23, 59), 2 * HOUR, at(8, 2), id="starts late on Sunday"),
        pytest.param(at(3, 12), 7 * DAY, at(12, 12), id="seven working days span one weekend"),
        pytest.param(at(4, 12), 7 * DAY, at(15, 12), id="seven working days span two weekends"),
        pytest.param(at(1, 1), 20 * DAY, at(29, 1), id="twenty working days are four weeks"),
    ],
)
def test_saturdays_and_sundays_do_not_count(started: datetime, length: timedelta, due: datetime) -> None:
    assert after_working_time(started, length) == due
    assert make_duty(calendar=Calendar.WORKING_DAYS, duration=length).due(started) == due


def test_the_days_are_those_of_utc() -> None:
    saturday_in_delhi = datetime(2026, 3, 7, 2, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert after_working_time(saturday_in_delhi, HOUR) == at(5, 21, 30)


def test_a_continuous_clock_counts_every_day() -> None:
    assert make_duty().due(at(5, 18)) == at(12, 18)


def test_a_duty_whose_time_the_order_sets_is_not_due_by_itself() -> None:
    assert make_duty(duration=None).due(at(1)) is None


@given(
    started=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    minutes=st.integers(1, 60 * 24 * 30),
)
def test_exactly_so_much_working_time_lies_between_start_and_end(started: datetime, minutes: int) -> None:
    due = after_working_time(started, timedelta(minutes=minutes))

    assert working_time(started, due) == timedelta(minutes=minutes)
    assert working_time(started, due - timedelta(microseconds=1)) < timedelta(minutes=minutes)


def working_time(start: datetime, end: datetime) -> timedelta:
    """Counted the slow way, day by day."""
    total, day = timedelta(), datetime(start.year, start.month, start.day, tzinfo=UTC)
    while day < end:
        if day.strftime("%A") not in ("Saturday", "Sunday"):
            total += max(min(end, day + DAY) - max(start, day), timedelta())
        day += DAY
    return total
