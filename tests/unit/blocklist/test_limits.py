from datetime import timedelta

import pytest

from services.blocklist.domain.batch import Reach, four_eyes
from services.blocklist.domain.limits import Limits, Made, TooMuch, TooSoon, must_confirm, over_speed
from tests.support.builders import NOON

HUNDRED = Limits(mass_change=100, per_hour=100)


@pytest.mark.parametrize(
    ("count", "confirmed", "expected"),
    [(100, None, False), (101, None, True), (101, 101, False), (101, 100, True), (3, 3, False), (3, 4, True), (0, None, False)],
)
def test_a_mass_change_is_confirmed_with_its_count_and_a_count_that_is_sent_is_right(
    count: int, confirmed: int | None, expected: bool
) -> None:
    assert must_confirm(count, confirmed, HUNDRED) is expected


def minutes_ago(minutes: int, *, blocked: int = 0, released: int = 0) -> Made:
    return Made(NOON - timedelta(minutes=minutes), Reach(blocked + released, blocked, released))


def blocks(count: int) -> Reach:
    return Reach(count, count, 0)


def test_without_a_limit_nothing_is_too_fast() -> None:
    assert over_speed(blocks(10**6), [minutes_ago(1, blocked=10**6)], NOON, Limits()) is None


def test_what_fits_an_hour_is_done() -> None:
    assert over_speed(blocks(40), [minutes_ago(5, blocked=60)], NOON, HUNDRED) is None


def test_what_no_hour_has_room_for_is_too_much() -> None:
    assert over_speed(blocks(101), [], NOON, HUNDRED) == TooMuch("blocked", 101)


def test_what_fits_once_the_oldest_has_left_the_hour_waits_for_that() -> None:
    recent = [minutes_ago(50, blocked=30), minutes_ago(20, blocked=30), minutes_ago(10, blocked=20)]

    assert over_speed(blocks(25), recent, NOON, HUNDRED) == TooSoon("blocked", 25, timedelta(minutes=10))
    assert over_speed(blocks(60), recent, NOON, HUNDRED) == TooSoon("blocked", 60, timedelta(minutes=40))


def test_blocks_and_releases_do_not_stand_in_each_others_way() -> None:
    releases = Reach(100, 0, 100)

    assert over_speed(releases, [minutes_ago(1, blocked=100)], NOON, HUNDRED) is None
    assert over_speed(blocks(100), [minutes_ago(1, released=100)], NOON, HUNDRED) is None
    assert over_speed(releases, [minutes_ago(1, released=1)], NOON, HUNDRED) == TooSoon("released", 100, timedelta(minutes=59))


def test_what_withholds_and_releases_nothing_is_never_too_fast() -> None:
    assert over_speed(Reach(500, 0, 0), [minutes_ago(1, blocked=500)], NOON, HUNDRED) is None


@pytest.mark.parametrize(
    ("names", "expected"), [([], False), (["Asha"], False), (["Asha", "ASHA"], False), (["Asha", "Ravi"], True)]
)
def test_four_eyes_are_those_of_two_people(names: list[str], expected: bool) -> None:
    assert four_eyes(names) is expected
