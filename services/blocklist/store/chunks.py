"""Long lists of values, cut so that a statement never has more parameters than a database takes (32,766 on SQLite)."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

PARAMETERS = 10_000


def in_chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), PARAMETERS):
        yield values[start : start + PARAMETERS]
