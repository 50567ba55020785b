"""Many keys in few statements: by jurisdiction, in chunks, and always in one order, so that nobody waits in a circle."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, Table, and_

from shared.ids import Jurisdiction, Key, Target
from shared.sql import in_chunks


def conditions(table: Table, keys: Iterable[Key]) -> Iterator[ColumnElement[bool]]:
    """Conditions on the table that together select these keys, each for one statement."""
    places: dict[Jurisdiction, list[Target]] = defaultdict(list)
    for place, target in sorted(set(keys)):
        places[place].append(target)
    for place, targets in places.items():
        for chunk in in_chunks(targets):
            yield and_(table.c.jurisdiction == place, table.c.target.in_(chunk))
