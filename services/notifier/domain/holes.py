"""What is missing between what we hold and what we were sent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hole:
    """Ordinals of which at least one is missing, both ends included; `last` of None says that nobody knows how far it goes."""

    first: int
    last: int | None

    def joined(self, other: "Hole") -> "Hole":
        """The smallest hole that contains both."""
        last = None if self.last is None or other.last is None else max(self.last, other.last)
        return Hole(min(self.first, other.first), last)


WHOLE = Hole(1, None)
"""Of all that there may be nobody can tell what is here: it is for the source to say."""


def hole_before(arrived: int, current: int) -> Hole | None:
    """What is missing when `arrived` comes after `current` (0: nothing yet)."""
    return Hole(current + 1, arrived - 1) if arrived > current + 1 else None
