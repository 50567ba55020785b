"""How many of a directive's items are in which state. Kept with the directive and moved with each change, never recounted."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.blocklist.domain.causes import FINAL, Cause
from services.blocklist.domain.item import Item, ItemState

_CLOSED = frozenset({"withdrawn", *(f"released:{cause}" for cause in FINAL)})
COUNTED = ("undecided", "complied", "refused", "not_located", "withdrawn")


@dataclass(frozen=True, slots=True)
class Tally:
    """Items by slot: a state's name, or `released:<cause>`. Slots that are zero may be missing."""

    slots: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.slots.values())

    @property
    def open(self) -> int:
        """Items on which something can still happen."""
        return self.total - sum(count for slot, count in self.slots.items() if slot in _CLOSED)

    def counted(self) -> dict[str, int]:
        return {name: self.slots.get(name, 0) for name in COUNTED}

    def released(self) -> dict[str, int]:
        """Released items by cause; every cause is there."""
        return {cause.value: self.slots.get(_released(cause), 0) for cause in Cause}

    def moved(self, changes: Iterable[tuple[Item, Item]]) -> "Tally":
        slots = Counter(self.slots)
        for before, after in changes:
            slots[slot_of(before)] -= 1
            slots[slot_of(after)] += 1
        return Tally({slot: count for slot, count in slots.items() if count})


def slot_of(item: Item) -> str:
    if item.state in (ItemState.RELEASED, ItemState.ENDED) and item.cause:
        return _released(item.cause)
    return item.state.value


def tally_of(items: Iterable[Item]) -> Tally:
    return Tally(Counter(map(slot_of, items)))


def _released(cause: Cause) -> str:
    return f"released:{cause}"
