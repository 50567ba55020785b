from hashlib import sha256
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.domain.stream import (
    BEGINNING,
    MARKED,
    Extend,
    Follows,
    Gap,
    Jump,
    Lane,
    Outcome,
    Place,
    Restarts,
    Seen,
    Stale,
    Thinned,
    Unnumbered,
    Walk,
    judge,
)
from shared.events import chain

AT_5 = Lane(2, 5, 5, b"d")


@pytest.mark.parametrize(
    ("lane", "place", "outcome"),
    [
        pytest.param(Lane(), Place(1, 1), Follows(), id="the first of all"),
        pytest.param(Lane(), Place(1, 3), Jump(Gap(1, 2)), id="a lane of which the beginning is missing"),
        pytest.param(Lane(), None, Unnumbered(), id="from somebody who does not number"),
        pytest.param(AT_5, Place(2, 6), Follows(), id="the next"),
        pytest.param(AT_5, Place(2, 5), Seen(), id="the same again"),
        pytest.param(AT_5, Place(2, 1), Seen(), id="one from before"),
        pytest.param(AT_5, Place(2, 7), Jump(Gap(6, 6)), id="one is missing"),
        pytest.param(AT_5, Place(1, 6), Stale(), id="the next of an epoch that is over"),
        pytest.param(AT_5, Place(1, 9), Stale(), id="a later one of an epoch that is over"),
        pytest.param(AT_5, Place(3, 6), Follows(), id="a new epoch goes on"),
        pytest.param(AT_5, Place(3, 8), Jump(Gap(6, 7)), id="a new epoch goes on, and some are missing"),
        pytest.param(AT_5, Place(3, 5), Restarts(), id="a new epoch gives numbers out again"),
    ],
)
def test_what_a_number_says(lane: Lane, place: Place | None, outcome: Outcome) -> None:
    assert judge(lane, place, thinned=False) == outcome


def test_before_an_old_record_of_a_compacted_topic_missing_ones_are_normal() -> None:
    assert judge(AT_5, Place(2, 9), thinned=True) == Thinned()
    assert judge(AT_5, Place(2, 6), thinned=True) == Follows()


def walked(*numbers: int, lane: Lane = Lane(), epoch: int = 1, thinned: bool = False) -> Walk:  # noqa: B008 (a value)
    walk = Walk(lane)
    for number in numbers:
        walk.step(Place(epoch, number), extending(number), thinned=thinned)
    return walk


def extending(number: int) -> Extend:
    return lambda digest: sha256(digest + b"%d" % number).digest()


def digest_of(*numbers: int) -> bytes:
    digest = BEGINNING
    for number in numbers:
        digest = extending(number)(digest)
    return digest


def test_the_digest_goes_on_as_long_as_nothing_is_missing() -> None:
    assert walked(1, 2, 2, 1, 3).lane == Lane(1, 3, 3, digest_of(1, 2, 3))


def test_the_digest_waits_where_something_is_missing() -> None:
    walk = walked(1, 2, 5, 6)

    assert walk.lane == Lane(1, 6, 2, digest_of(1, 2))
    assert walk.gaps == [Gap(3, 4)]


def test_what_was_compacted_away_leaves_no_gap_and_no_digest() -> None:
    walk = walked(1, 5, 6, thinned=True)

    assert walk.lane == Lane(1, 6, 0, None)
    assert walk.gaps == []


def test_a_new_epoch_that_numbers_again_begins_anew_and_says_so() -> None:
    walk = walked(4, 5, lane=Lane(1, MARKED + 3, MARKED + 3, b"d"), epoch=2)

    assert walk.lane == Lane(2, 5, 0, None)
    assert walk.restarted
    assert walk.gaps == []


@pytest.mark.fault(46)
def test_a_new_epoch_that_goes_on_counting_has_a_digest_of_its_own() -> None:
    walk = walked(1, 2, 3)
    for number in (4, 5):
        walk.step(Place(2, number), extending(number))

    assert walk.lane == Lane(2, 5, 5, digest_of(4, 5))
    assert (walk.epochs, walk.gaps, walk.restarted) == ([2], [], True)


def test_a_new_epoch_whose_first_events_did_not_come_has_no_digest() -> None:
    walk = walked(1, 2, 3)
    walk.step(Place(2, 6), extending(6))

    assert walk.lane == Lane(2, 6, 0, None)
    assert walk.gaps == [Gap(4, 5)]


def test_what_is_of_an_ended_history_is_counted_and_changes_nothing() -> None:
    walk = walked(6, 7, lane=AT_5)

    assert walk.lane == AT_5
    assert walk.stale == 2


def test_what_nobody_numbered_changes_nothing() -> None:
    walk = Walk(AT_5)
    walk.step(None, extending(1))

    assert walk.lane == AT_5


def test_digests_at_marks_are_kept() -> None:
    walk = walked(*range(1, 2 * MARKED + 10))

    assert walk.marks == {MARKED: digest_of(*range(1, MARKED + 1)), 2 * MARKED: digest_of(*range(1, 2 * MARKED + 1))}


def test_marks_of_an_ended_history_are_not_kept() -> None:
    walk = walked(*range(1, MARKED + 2))
    walk.step(Place(2, 5), extending(5))

    assert walk.marks == {}


def test_both_sides_of_the_wire_mean_the_same() -> None:
    assert (BEGINNING, MARKED) == (chain.BEGINNING, chain.MARK_EVERY)


@pytest.mark.fault(26)
@pytest.mark.parametrize("order", list(permutations(range(1, 5))))
def test_in_every_order_the_numbers_below_the_highest_were_seen_or_told_as_missing(order: tuple[int, ...]) -> None:
    walk = Walk(Lane())
    seen: set[int] = set()
    for number in order:
        walk.step(Place(1, number), extending(number))
        seen.add(number)
        told = {each for gap in walk.gaps for each in range(gap.first, gap.last + 1)}
        assert seen | told >= set(range(1, walk.lane.sequence + 1))
    assert walk.lane.sequence == 4


@pytest.mark.fault(27)
@given(st.lists(st.integers(1, 40), max_size=60))
def test_whatever_comes_nothing_is_missing_untold_and_no_digest_goes_over_a_hole(numbers: list[int]) -> None:
    walk = walked(*numbers)
    told = {each for gap in walk.gaps for each in range(gap.first, gap.last + 1)}

    assert walk.lane.sequence == max(numbers, default=0)
    assert set(numbers) | told == set(range(1, walk.lane.sequence + 1))
    assert walk.lane.digest == digest_of(*range(1, walk.lane.digested + 1))
