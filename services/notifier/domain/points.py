"""Enforcement points: who has to apply what."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.ids import Jurisdiction, Key, PointId, TargetType, type_of
from shared.jurisdictions import overlaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A system that applies withholdings.

    `jurisdictions` are expanded; `requested` is what was registered, last at `scoped_at`.
    """

    id: PointId
    requested: tuple[str, ...]
    jurisdictions: tuple[Jurisdiction, ...]
    target_types: frozenset[TargetType]
    ack_within: timedelta
    scoped_at: datetime | None = None

    def serves(self, place: Jurisdiction) -> bool:
        """Whether somebody it serves can be there: what holds in `IN-PB`, in `IN` or worldwide concerns a point for `IN`."""
        return any(overlaps(place, ours) for ours in self.jurisdictions)

    def matches(self, key: Key) -> bool:
        return type_of(key.target) in self.target_types and self.serves(key.jurisdiction)


def matching(points: Iterable[Point], key: Key) -> list[Point]:
    return [point for point in points if point.matches(key)]
