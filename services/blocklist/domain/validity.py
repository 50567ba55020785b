"""Whether an order has what its legal basis requires of one. Pure: names in, a verdict out."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum


class IfMissing(StrEnum):
    """What becomes of an order that lacks a required element."""

    CLARIFY = "clarify"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Complete:
    """Nothing that is required is missing."""


@dataclass(frozen=True, slots=True)
class AskClarification:
    """The order waits for these elements, and is not in force until they come or the platform does without."""

    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reject:
    """One of these elements is such that the order is none without it."""

    missing: tuple[str, ...]


COMPLETE = Complete()
Verdict = Complete | AskClarification | Reject


def missing(verdict: Verdict) -> tuple[str, ...]:
    """What the order lacks."""
    return () if isinstance(verdict, Complete) else verdict.missing


def judge(required: Mapping[str, IfMissing], given: Collection[str]) -> Verdict:
    """The verdict on an order that has the elements `given`; all that is missing is named, in the order of the regime."""
    lacking = tuple(element for element in required if element not in given)
    if not lacking:
        return COMPLETE
    if any(required[element] is IfMissing.REJECT for element in lacking):
        return Reject(lacking)
    return AskClarification(lacking)
