"""What a difference between the blocklist's digest of a jurisdiction and ours means.

A single difference may be nothing but a record under way. It is believed when nothing is, or when the next digest differs, too.
Where records are known to lie unread, as while a long outage is caught up with, differences say nothing however many there are.
"""

from dataclasses import dataclass

BELIEVED = 2
"""Differences in succession that are believed, whatever is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What the keys of a jurisdiction come to, as of an instant."""

    keys: int
    withheld: int
    digest: str


@dataclass(frozen=True, slots=True)
class Agrees:
    """Both know the same keys at the same versions."""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """It may be that something is under way: the next digest tells."""

    mismatches: int


@dataclass(frozen=True, slots=True)
class Diverged:
    """Something is missing or wrong here. `resync`: both are to be compared key by key."""

    mismatches: int
    resync: bool


Verdict = Agrees | Doubtful | Diverged


def judge(told: Sum, own: Sum, *, before: int, caught_up: bool, behind: bool = False) -> Verdict:
    """`before` are the differences in succession until now; `caught_up` says that nothing is under way, `behind` that a lane has
    not come as far as its checkpoint.
    """
    if told == own:
        return Agrees()
    if behind:
        return Doubtful(max(before, 1))
    mismatches = before + 1
    if not caught_up and mismatches < BELIEVED:
        return Doubtful(mismatches)
    return Diverged(mismatches, resync=_is_power_of_two(mismatches))


def _is_power_of_two(number: int) -> bool:
    """What only an operator can decide stays different: it is looked at again, less and less often."""
    return number & (number - 1) == 0
