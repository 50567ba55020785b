"""The checker: each invariant is a function from the evidence to its violations. It decides nothing else, and runs nothing."""

from collections.abc import Callable, Iterator, Sequence

from tests.faults.checker.evidence import Evidence, Violation
from tests.faults.checker.projection import (
    invariant_5,
    invariant_6,
    invariant_7,
    invariant_8_of_readers,
    invariant_9_of_points,
    invariant_12,
    invariant_14,
)
from tests.faults.checker.requests import invariant_1, invariant_8, invariant_9, invariant_10
from tests.faults.checker.topic import invariant_2, invariant_3, invariant_4

Invariant = Callable[[Evidence], Iterator[Violation]]

INVARIANTS: Sequence[Invariant] = (
    invariant_1,
    invariant_2,
    invariant_3,
    invariant_4,
    invariant_5,
    invariant_6,
    invariant_7,
    invariant_8,
    invariant_8_of_readers,
    invariant_9,
    invariant_9_of_points,
    invariant_10,
    invariant_12,
    invariant_14,
)


def check(found: Evidence) -> list[Violation]:
    """Everything that is wrong; nothing, if the product kept its promises."""
    return [violation for invariant in INVARIANTS for violation in invariant(found)]
