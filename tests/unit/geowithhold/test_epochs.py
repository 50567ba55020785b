"""Who publishes from a database that was replaced is dropped."""

import pytest

from geowithhold import Epochs
from shared.events import Position, Record, placed

RECORD = Record(b"k", b"v", ())


def headers(epoch: int, sequence: int = 1) -> list[tuple[str, bytes]]:
    return list(placed(RECORD, Position(epoch, sequence)).headers)


@pytest.mark.fault(46)
def test_what_is_of_an_earlier_epoch_than_its_partition_has_seen_does_not_count() -> None:
    epochs = Epochs()

    admitted = [epochs.admits(0, headers(epoch)) for epoch in (1, 1, 2, 1, 2, 3, 2)]

    assert admitted == [True, True, True, False, True, True, False]
    assert epochs.stale == 2


def test_each_partition_goes_on_by_itself() -> None:
    epochs = Epochs()
    epochs.admits(0, headers(2))

    assert epochs.admits(1, headers(1))


def test_what_nobody_numbered_counts() -> None:
    epochs = Epochs()
    epochs.admits(0, headers(2))

    assert epochs.admits(0, [])
