import pytest

from services.notifier.consumer.watchdog import Stalled, Watchdog


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_who_waits_in_vain_for_too_long_has_stalled() -> None:
    hand = Hand()
    watchdog = Watchdog(within=30, monotonic=hand)
    watchdog.waits()
    hand.now += 29
    watchdog.waits()
    hand.now += 1

    with pytest.raises(Stalled):
        watchdog.waits()


def test_whatever_comes_begins_the_wait_anew() -> None:
    hand = Hand()
    watchdog = Watchdog(within=30, monotonic=hand)
    watchdog.waits()
    hand.now += 29
    watchdog.moved()
    hand.now += 29

    watchdog.waits()


def test_the_broker_is_asked_anew_three_times_in_that_time() -> None:
    hand = Hand()
    watchdog = Watchdog(within=30, monotonic=hand)
    due = []
    for _ in range(30):
        hand.now += 1
        due.append(watchdog.look_due())

    assert sum(due) == 3
