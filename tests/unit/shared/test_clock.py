import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backoff import Backoff
from shared.clock import SettableClock, clock_from, set_clock, system_clock

YEAR_2021 = datetime(2021, 1, 31, tzinfo=UTC)
MOMENT = timedelta(seconds=5)


def test_the_system_clock_is_aware_and_in_utc() -> None:
    assert system_clock().utcoffset() == timedelta()


def test_without_a_file_the_clock_is_the_systems() -> None:
    assert clock_from(None) is system_clock


def test_a_settable_clock_whose_file_is_missing_shows_wall_time(tmp_path: Path) -> None:
    assert abs(clock_from(tmp_path / "clock.json")() - system_clock()) < MOMENT


def test_a_settable_clock_runs_on_from_where_it_was_set(tmp_path: Path) -> None:
    clock = SettableClock(tmp_path / "clock.json")

    set_clock(tmp_path / "clock.json", YEAR_2021)
    first, second = clock(), clock()

    assert YEAR_2021 <= first <= second < YEAR_2021 + MOMENT


def test_every_clock_of_a_file_follows_when_it_is_set_again(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    clocks = [SettableClock(file), SettableClock(file)]
    set_clock(file, YEAR_2021)
    assert all(clock().year == 2021 for clock in clocks)

    set_clock(file, datetime(2030, 1, 1, tzinfo=UTC))
    os.utime(file, (1, 1))

    assert [clock().year for clock in clocks] == [2030, 2030]


def test_setting_a_clock_leaves_nothing_but_the_file(tmp_path: Path) -> None:
    set_clock(tmp_path / "clock.json", YEAR_2021)

    assert [found.name for found in tmp_path.iterdir()] == ["clock.json"]


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_longer_than_its_cap_nor_negative(attempt: int, jitter: float) -> None:
    backoff = Backoff(base=timedelta(milliseconds=100), cap=timedelta(seconds=10))

    assert timedelta() <= backoff.delay(attempt, jitter) <= backoff.cap


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 0.1), (2, 0.2), (3, 0.4), (7, 6.4), (8, 10), (10_000, 10)])
def test_the_ceiling_of_a_wait_doubles_up_to_the_cap(attempt: int, seconds: float) -> None:
    backoff = Backoff(base=timedelta(milliseconds=100), cap=timedelta(seconds=10))

    assert backoff.delay(attempt, 1) == timedelta(seconds=seconds)
