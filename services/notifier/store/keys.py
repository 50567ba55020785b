"""Many keys in few statements: by jurisdiction, in chunks, and always in one order, so that nobody waits in a circle."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator

from sqlalchemy import ColumnElement, FromClause, and_

from shared.ids import Jurisdiction, Key, Target
from shared.sql import in_chunks

Slice = Callable[[FromClause], ColumnElement[bool]]
"""A condition that selects the same keys of any table that has them."""


def slices(keys: Iterable[Key]) -> Iterator[Slice]:
    """Conditions that together select these keys, each for one statement."""
    places: dict[Jurisdiction, list[Target]] = defaultdict(list)
    for place, target in sorted(set(keys)):
        places[place].append(target)
    for place, targets in places.items():
        for chunk in in_chunks(targets):
            yield _slice(place, chunk)


def of_places(places: Collection[Jurisdiction]) -> Slice:
    return lambda table: table.c.jurisdiction.in_(places)


def conditions(table: FromClause, keys: Iterable[Key]) -> Iterator[ColumnElement[bool]]:
    """Conditions on the table that together select these keys, each for one statement."""
    return (condition(table) for condition in slices(keys))


def _slice(place: Jurisdiction, targets: Collection[Target]) -> Slice:
    return lambda table: and_(table.c.jurisdiction == place, table.c.target.in_(targets))
