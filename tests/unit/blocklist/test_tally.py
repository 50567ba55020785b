from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.blocklist.domain.causes import FINAL, Cause
from services.blocklist.domain.item import Item, ItemState
from services.blocklist.domain.tally import Tally, tally_of
from tests.support.builders import IN, ITEMS, make_item

RELEASES = [make_item(ItemState.RELEASED, {IN: cause}, cause=cause) for cause in sorted(set(Cause) - FINAL)]
ENDS = [make_item(ItemState.ENDED, {IN: cause}, cause=cause) for cause in sorted(FINAL)]
ALL = [*ITEMS.values(), *RELEASES, *ENDS]


@pytest.mark.parametrize("state", [state for state in ItemState if state.word != "released"])
def test_an_item_that_is_not_released_counts_under_its_state(state: ItemState) -> None:
    tally = tally_of([ITEMS[state]])

    assert tally.counted() == {**dict.fromkeys(tally.counted(), 0), state.value: 1}
    assert sum(tally.released().values()) == 0


@pytest.mark.parametrize("cause", Cause)
def test_a_released_item_counts_under_its_cause(cause: Cause) -> None:
    state = ItemState.ENDED if cause in FINAL else ItemState.RELEASED

    tally = tally_of([make_item(state, {IN: cause}, cause=cause)])

    assert tally.released() == {**dict.fromkeys(map(str, Cause), 0), cause.value: 1}
    assert sum(tally.counted().values()) == 0


def test_items_are_open_until_they_are_withdrawn_or_ended_finally() -> None:
    closed = [ITEMS[ItemState.WITHDRAWN], ITEMS[ItemState.ENDED], *ENDS]

    tally = tally_of(ALL)

    assert (tally.total, tally.open) == (len(ALL), len(ALL) - len(closed))


def test_a_slot_that_becomes_empty_is_dropped() -> None:
    moved = Tally({"undecided": 1}).moved([(ITEMS[ItemState.UNDECIDED], ITEMS[ItemState.COMPLIED])])

    assert moved == Tally({"complied": 1})


@given(st.lists(st.tuples(st.sampled_from(ALL), st.sampled_from(ALL))))
def test_a_moved_tally_equals_a_recount(changes: Sequence[tuple[Item, Item]]) -> None:
    before, after = tally_of(old for old, _ in changes), tally_of(new for _, new in changes)

    assert before.moved(changes) == after
