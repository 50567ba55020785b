"""What becomes of one item, told in so few lines that they can be read at a glance. It shares no code with the product."""

from collections.abc import Iterable
from dataclasses import dataclass, field

FINAL = frozenset({"rescinded", "superseded", "expired", "quashed", "interim_lapsed"})
LIVE, SUSPENDED, ENDED, OVER = "live", "suspended", "ended", "over"
"""A claim counts, is suspended by a stay, was released and may be made again, or is over for good."""


def kind_of(claim: str) -> str:
    """A claim as the blocklist stores it, in the oracle's four words."""
    if claim in (LIVE, SUSPENDED):
        return claim
    return OVER if claim in FINAL else ENDED


def covers(wide: str, part: str) -> bool:
    return part == wide or part.startswith(f"{wide}-")


@dataclass
class Item:
    claims: dict[str, str] = field(default_factory=dict)
    stayed: bool = False
    closed: bool = False

    def claim(self, scope: Iterable[str]) -> None:
        over = [place for place, claim in self.claims.items() if claim == OVER]
        had = self.standing()
        for place in scope:
            barred = any(covers(place, end) or covers(end, place) for end in over)
            if not barred and not any(covers(wide, place) for wide in had):
                self.claims[place] = SUSPENDED if self.stayed else LIVE

    def release(self, scope: Iterable[str], *, for_good: bool = False) -> None:
        wide = list(scope)
        for place in self.standing():
            if any(covers(each, place) for each in wide):
                self.claims[place] = OVER if for_good else ENDED

    def lift(self, scope: Iterable[str]) -> None:
        self.release(scope, for_good=True)
        if not self.standing():
            self.close()

    def close(self) -> None:
        self.release(self.standing(), for_good=True)
        self.closed, self.stayed = True, False

    def stay(self) -> None:
        self.stayed = True
        self._turn(LIVE, SUSPENDED)

    def unstay(self) -> None:
        self.stayed = False
        self._turn(SUSPENDED, LIVE)

    def standing(self) -> list[str]:
        return [place for place, claim in self.claims.items() if claim in (LIVE, SUSPENDED)]

    def live(self) -> set[str]:
        return {place for place, claim in self.claims.items() if claim == LIVE}

    def _turn(self, before: str, after: str) -> None:
        self.claims = {place: after if claim == before else claim for place, claim in self.claims.items()}
