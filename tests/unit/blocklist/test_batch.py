from dataclasses import replace

import pytest

from services.blocklist.domain.batch import BatchId, BatchKind, OpenBatch, Reach
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import Changed, ItemState, Standing
from tests.support.builders import IN, PK, live, make_directive, make_item

COMPLIED = make_item(ItemState.COMPLIED, live(IN))
RELEASED = make_item(ItemState.RELEASED, {IN: Cause.ERROR}, cause=Cause.ERROR)


def opened() -> OpenBatch:
    return OpenBatch(id=BatchId("bat_1"))


def test_a_batch_is_an_act_until_somebody_says_otherwise() -> None:
    batch = opened()

    assert batch.kind is BatchKind.ACT
    batch.begin(BatchKind.UNDO, memo="why", approvers=("Asha",), undoes=BatchId("bat_0"))
    assert (batch.kind, batch.memo, batch.approvers, batch.undoes) == (BatchKind.UNDO, "why", ("Asha",), "bat_0")


def test_a_write_that_changes_no_item_is_no_batch() -> None:
    batch = opened()

    batch.add(make_directive(), [])

    assert (batch.name, batch.reach) == (None, Reach(0, 0, 0))


def test_an_item_counts_as_blocked_or_released_by_what_became_of_its_live_claims() -> None:
    batch = opened()
    suspended = make_item(ItemState.COMPLIED, {IN: Standing.SUSPENDED}, stayed=True)
    moved = make_item(ItemState.COMPLIED, {IN: Cause.ERROR, **live(PK)})

    batch.add(make_directive(1), [Changed(make_item(), COMPLIED), Changed(COMPLIED, RELEASED), Changed(make_item(), suspended)])
    batch.add(make_directive(2), [Changed(COMPLIED, moved)])

    assert (batch.name, batch.reach) == ("bat_1", Reach(4, 2, 2))


@pytest.mark.parametrize("sealed", [False, True])
def test_a_batch_is_sealed_if_one_of_its_directives_is(sealed: bool) -> None:
    batch = opened()

    batch.add(replace(make_directive(1), sealed=sealed), [Changed(make_item(), COMPLIED)])
    batch.add(make_directive(2), [Changed(make_item(), COMPLIED)])

    assert batch.sealed is sealed
