"""What the clients order: who, under which law, where, on which targets. Everything is drawn from one seeded source of chance."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

TARGETS = 8_000
"""Distinct targets, so that reaching one of N is never enough; a few of them are asked for far more often than the rest."""

HOT = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """`at_intake`: whoever cites it is complied with at once. `exact`: it asks for places, and a hashtag is none."""

    authority: str
    basis: str
    scopes: Sequence[Sequence[str]]
    at_intake: bool = False
    exact: bool = False


LAWS: Sequence[Law] = (
    Law(authority="in-meity", basis="in-it-act-69a-emergency", scopes=(("IN",), ("IN-PB",), ("IN-KL", "IN-PB")), at_intake=True),
    Law(authority="in-meity", basis="in-it-act-69a", scopes=(("IN",), ("IN-PB",), ("IN-KL", "IN-PB"))),
    Law(authority="pk-pta", basis="pk-rules-2021", scopes=(("PK",),)),
    Law(authority="eu-tco-authority", basis="eu-tco", scopes=(("DE",), ("FR",), ("DE", "FR"), ("DE", "FR", "PL")), exact=True),
)
EMERGENCY = LAWS[0]

PLACES = frozenset(place for law in LAWS for scope in law.scopes for place in scope)


def target(number: int) -> str:
    """The canonical name of one of the targets: of all four kinds, so that no rule of one kind hides."""
    match number % 8:
        case 0:
            return f"post:{10_000_000 + number}"
        case 1:
            return f"hashtag:tag{number}"
        case 2:
            return f"url:https://example.org/page/{number}"
        case _:
            return f"account:acct_{number}"


def some_targets(chance: Random, count: int, law: Law) -> list[str]:
    """Distinct targets, a third of them hot."""
    hot = chance.sample(range(HOT), min(HOT, count // 3))
    cold = chance.sample(range(HOT, TARGETS), count - len(hot))
    named = [target(number) for number in hot + cold]
    chance.shuffle(named)
    return [name for name in named if not (law.exact and name.startswith("hashtag:"))]


@dataclass
class Known:
    """A directive as its client believes it to be. Belief only steers what is tried next; the checker never sees it."""

    id: str
    law: Law
    scope: Sequence[str]
    targets: Sequence[str]
    undecided: set[str] = field(default_factory=set)
    complied: set[str] = field(default_factory=set)
    released: set[str] = field(default_factory=set)
    stayed: set[str] = field(default_factory=set)
    follows: str | None = None
    followed: bool = False

    @property
    def open(self) -> set[str]:
        return self.undecided | self.complied | self.released

    def end(self, targets: set[str]) -> None:
        for group in (self.undecided, self.complied, self.released, self.stayed):
            group.difference_update(targets)
