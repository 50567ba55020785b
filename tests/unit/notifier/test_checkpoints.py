import pytest

from services.notifier.domain.checkpoints import (
    Adoptable,
    Behind,
    Checkpoint,
    Differs,
    Open,
    Standstill,
    Verdict,
    Verified,
    compare,
    is_lost,
    stood,
)
from services.notifier.domain.stream import BEGINNING, Gap, Lane, to_fetch, without
from tests.unit.notifier.builders import AT, after

MADE = Checkpoint(epoch=2, sequence=250, digest=b"at 250", mark=200, mark_digest=b"at 200")


@pytest.mark.parametrize(
    ("lane", "mark", "verdict"),
    [
        pytest.param(Lane(2, 250, 250, b"at 250"), None, Verified(250, b"at 250"), id="there, and the same"),
        pytest.param(Lane(2, 250, 250, b"other"), None, Differs(250, b"at 250"), id="there, and not the same"),
        pytest.param(Lane(2, 240, 240, b"at 240"), None, Behind(Gap(241, 250)), id="not there yet"),
        pytest.param(Lane(), None, Behind(Gap(1, 250)), id="nothing has come at all"),
        pytest.param(Lane(1, 240, 240, b"at 240"), None, Behind(Gap(241, 250)), id="not in this epoch yet, and short of it"),
        pytest.param(Lane(1, 300, 300, b"at 300"), None, Open(), id="not in this epoch yet, and further in the one before"),
        pytest.param(Lane(3, 20, 0, None), None, Open(), id="in a later epoch"),
        pytest.param(Lane(2, 260, 260, b"at 260"), b"at 200", Verified(200, b"at 200"), id="past it, and the same at its mark"),
        pytest.param(Lane(2, 260, 260, b"at 260"), b"other", Differs(200, b"at 200"), id="past it, and not the same at its mark"),
        pytest.param(Lane(2, 260, 260, b"at 260"), None, Open(), id="past it, and the mark was not kept"),
        pytest.param(Lane(2, 260, 230, b"at 230"), b"at 200", Open(), id="there, and its digest is not"),
        pytest.param(Lane(2, 260, 0, None), None, Adoptable(250, b"at 250"), id="there, with no digest of its own"),
    ],
)
def test_what_a_checkpoint_says(lane: Lane, mark: bytes | None, verdict: Verdict) -> None:
    assert compare(lane, MADE, mark) == verdict


def test_a_checkpoint_without_a_digest_says_how_far_it_goes_and_no_more() -> None:
    made = MADE._replace(digest=None)

    assert compare(Lane(2, 250, 250, b"d"), made, None) == Open()
    assert compare(Lane(2, 249, 249, b"d"), made, None) == Behind(Gap(250, 250))


def test_a_mark_without_a_digest_cannot_be_compared() -> None:
    assert compare(Lane(2, 260, 260, b"d"), MADE._replace(mark_digest=None), b"at 200") == Open()


def test_of_an_empty_lane_nothing_is_missing() -> None:
    assert compare(Lane(), Checkpoint(1, 0, None, 0, None), None) == Verified(0, BEGINNING)


def test_a_lane_stands_still_since_it_was_first_seen_there() -> None:
    first = stood(None, Lane(1, 5, 5, b""), AT)._replace(read_to_end_at=after(3))

    assert stood(first, Lane(1, 5, 5, b""), after(10)) == first == Standstill(5, AT, after(3))


NO, YES = False, True


@pytest.mark.parametrize(
    ("read_to_end_at", "now", "lost"),
    [
        pytest.param(None, 10, NO, id="nobody says what lies unread"),
        pytest.param(None, 299, NO, id="nobody says so for minutes"),
        pytest.param(None, 300, YES, id="nobody says so for too long"),
        pytest.param(9, 60, NO, id="it was read to its end when the rest may have been under way"),
        pytest.param(10, 10, YES, id="it was read to its end, and the rest should have been there"),
        pytest.param(40, 60, YES, id="it was read to its end a while later"),
        pytest.param(70, 60, NO, id="it was read to its end as of a clock that has been set back"),
        pytest.param(9, 300, YES, id="it was read to its end too early, and for too long nobody has said so again"),
    ],
)
def test_the_end_of_a_lane_that_stands_still_is_lost(read_to_end_at: int | None, now: int, lost: bool) -> None:
    standstill = Standstill(5, AT, None if read_to_end_at is None else after(read_to_end_at))

    assert is_lost(standstill, after(now)) is lost


def test_a_lane_that_moves_is_waited_for() -> None:
    assert stood(Standstill(5, AT), Lane(1, 6, 6, b""), after(60)) == Standstill(6, after(60))


@pytest.mark.fault(38)
def test_a_clock_that_is_set_back_does_not_make_a_lost_end_wait() -> None:
    assert stood(Standstill(5, after(3000)), Lane(1, 5, 5, b""), AT) == Standstill(5, AT)


@pytest.mark.parametrize(
    ("lane", "gaps", "wanted"),
    [
        pytest.param(Lane(1, 9, 9, b"d"), [], None, id="nothing is missing"),
        pytest.param(Lane(1, 9, 4, b"d"), [Gap(5, 6)], Gap(5, 9), id="from the gap on to the present, for the digest"),
        pytest.param(Lane(1, 9, 4, b"d"), [], Gap(5, 9), id="for the digest alone"),
        pytest.param(Lane(1, 9, 0, None), [Gap(2, 3), Gap(5, 5)], Gap(2, 5), id="without a digest, the gaps alone"),
        pytest.param(Lane(1, 9, 0, None), [], None, id="without a digest and a gap, nothing"),
        pytest.param(Lane(1, 9, 9, b"d"), [Gap(10, 12)], Gap(10, 12), id="what a checkpoint shows to be missing at the end"),
        pytest.param(Lane(1, 9, 7, b"d"), [Gap(2, 3)], Gap(2, 9), id="a gap below a digest that was adopted"),
    ],
)
def test_what_to_ask_the_source_for(lane: Lane, gaps: list[Gap], wanted: Gap | None) -> None:
    assert to_fetch(lane, gaps) == wanted


@pytest.mark.parametrize(
    ("come", "left"),
    [
        (Gap(1, 4), [Gap(5, 9)]),
        (Gap(1, 5), [Gap(6, 9)]),
        (Gap(5, 9), []),
        (Gap(1, 20), []),
        (Gap(6, 7), [Gap(5, 5), Gap(8, 9)]),
        (Gap(9, 9), [Gap(5, 8)]),
        (Gap(10, 12), [Gap(5, 9)]),
    ],
)
def test_what_is_left_of_a_gap(come: Gap, left: list[Gap]) -> None:
    assert without(Gap(5, 9), come) == left
