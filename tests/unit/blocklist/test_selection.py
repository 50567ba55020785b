from services.blocklist.domain.item import Changed, Item, NotAllowed, Obstacle, Outcome, Unchanged
from services.blocklist.domain.selection import Batch, Impossible, apply_to_all
from shared.ids import Target
from tests.support.builders import make_item, target

OPEN, SAME, CLOSED = (make_item(of=target(name)) for name in ("open", "same", "closed"))
REFUSED = NotAllowed(CLOSED, Obstacle.STATE, "it is closed")


def act(item: Item) -> Outcome:
    outcomes: dict[Target, Outcome] = {
        OPEN.target: Changed(OPEN, SAME),
        SAME.target: Unchanged(SAME),
        CLOSED.target: REFUSED,
    }
    return outcomes[item.target]


def test_named_items_are_all_reached() -> None:
    assert apply_to_all([OPEN, SAME], act, named=True) == Batch((Changed(OPEN, SAME),), (Unchanged(SAME),))


def test_one_named_item_that_cannot_stops_all() -> None:
    assert apply_to_all([OPEN, CLOSED, SAME], act, named=True) == Impossible((REFUSED,))


def test_a_keyword_passes_over_items_that_are_not_eligible() -> None:
    assert apply_to_all([OPEN, CLOSED, SAME], act, named=False) == Batch((Changed(OPEN, SAME),), (Unchanged(SAME),))


def test_a_keyword_that_finds_nothing_eligible_is_impossible() -> None:
    assert apply_to_all([CLOSED], act, named=False) == Impossible(())
    assert apply_to_all([], act, named=False) == Impossible(())


def test_named_items_that_all_stay_as_they_are_are_no_failure() -> None:
    assert apply_to_all([SAME], act, named=True) == Batch((), (Unchanged(SAME),))
