from dataclasses import replace

import pytest

from services.notifier.domain.effect import (
    Applies,
    Contradicts,
    Corrects,
    Duplicate,
    Fills,
    Known,
    Version,
    WithholdingState,
    judge,
)
from services.notifier.domain.holes import Hole, hole_before
from tests.unit.notifier.builders import AT, DIRECTIVE, key


def version(number: int) -> Version:
    return Version(
        key=key(),
        number=number,
        state=WithholdingState.WITHHELD if number % 2 else WithholdingState.RELEASED,
        cause=None if number % 2 else "error",
        directives=(DIRECTIVE,),
        effective_at=AT,
        due_at=None,
        label="legal_demand",
    )


def known(*numbers: int) -> Known:
    found = Known()
    for number in numbers:
        found = found.advanced(version(number))
    return found


@pytest.mark.parametrize(
    ("before", "arrived", "verdict"),
    [
        pytest.param(known(), 1, Applies(None), id="the first version of a new key"),
        pytest.param(known(), 3, Applies(Hole(1, 2)), id="a new key whose first versions are missing"),
        pytest.param(known(1), 2, Applies(None), id="the next version"),
        pytest.param(known(1), 5, Applies(Hole(2, 4)), id="a version that skips others applies at once"),
        pytest.param(known(1, 2), 2, Duplicate(), id="the present version again"),
        pytest.param(known(1, 2), 1, Duplicate(), id="a past version again"),
        pytest.param(known(1, 3), 2, Fills(), id="a version that was missing"),
    ],
)
def test_the_verdict_on_an_arriving_version(before: Known, arrived: int, verdict: object) -> None:
    assert judge(before, version(arrived)) == verdict


@pytest.mark.parametrize("number", [1, 2])
def test_the_same_version_with_other_content_contradicts(number: int) -> None:
    assert judge(known(1, 2), replace(version(number), label="local_law")) == Contradicts()


@pytest.mark.fault(46)
@pytest.mark.parametrize("number", [1, 2])
def test_the_same_version_with_other_content_under_a_later_epoch_corrects(number: int) -> None:
    other = replace(version(number), label="local_law", epoch=2)

    assert judge(known(1, 2), other) == Corrects()
    assert judge(known(1, 2).corrected(other), other) == Duplicate()
    assert known(1, 2, 3).corrected(other).number == number


def test_after_a_correction_nothing_is_left_of_what_came_later_in_the_lost_history() -> None:
    corrected = known(1, 2, 3, 4).corrected(replace(version(3), label="local_law", epoch=2))

    assert corrected.past == {1: version(1), 2: version(2)}
    assert judge(corrected, version(4)) == Applies(None)


def test_a_replay_under_a_later_epoch_is_no_news() -> None:
    assert judge(known(1, 2), replace(version(2), epoch=2)) == Duplicate()


def test_what_filled_a_hole_is_known_afterwards() -> None:
    filled = known(1, 3).filled(version(2))

    assert judge(filled, version(2)) == Duplicate()
    assert filled.number == 3


def test_nothing_is_missing_between_neighbours() -> None:
    assert hole_before(4, 3) is None


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [(Hole(2, 3), Hole(5, 6), Hole(2, 6)), (Hole(5, 6), Hole(2, 9), Hole(2, 9)), (Hole(4, None), Hole(2, 3), Hole(2, None))],
)
def test_two_holes_become_one_that_contains_both(one: Hole, other: Hole, joined: Hole) -> None:
    assert one.joined(other) == other.joined(one) == joined
