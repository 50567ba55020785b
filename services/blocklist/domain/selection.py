"""Which items a decision, release or rescission names, and the rule that it is done for all of them or for none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from services.blocklist.domain.item import Changed, Item, NotAllowed, Outcome, Unchanged
from shared.ids import Target

Keyword = Literal["all", "undecided"]
Selection = Keyword | tuple[Target, ...]
"""Named targets, or a keyword that takes whichever items are eligible."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Every item that the fact reached."""

    changed: tuple[Changed, ...]
    unchanged: tuple[Unchanged, ...]


@dataclass(frozen=True, slots=True)
class Impossible:
    """Nothing was done: each obstacle is one item's. Empty when a keyword found no item that is eligible."""

    obstacles: tuple[NotAllowed, ...]


def apply_to_all(items: Sequence[Item], act: Callable[[Item], Outcome], *, named: bool) -> Batch | Impossible:
    """Acts on every item. Of named items one obstacle stops all; a keyword passes over items that are not eligible."""
    changed: list[Changed] = []
    unchanged: list[Unchanged] = []
    obstacles: list[NotAllowed] = []
    for item in items:
        outcome = act(item)
        match outcome:
            case Changed():
                changed.append(outcome)
            case Unchanged():
                unchanged.append(outcome)
            case NotAllowed():
                obstacles.append(outcome)
            case _:
                assert_never(outcome)
    if named and obstacles:
        return Impossible(tuple(obstacles))
    if not changed and not unchanged:
        return Impossible(())
    return Batch(tuple(changed), tuple(unchanged))
