"""Exposure: what the law threatens for what is unmet. Never what anybody owes, and never a sum that the law does not state.

Pure: *now* is passed in. Something is unmet since the moment at which its time was up, a notice said so, or the platform released
on its own. Until then nothing accrues; what was met late is not unmet any more.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

NOTICED = "non_compliance"
RELEASED = "unilateral_release"
"""What can be unmet beside a duty, which goes by its own name."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threat:
    """One penalty clause. `maximum` and `per_day` are in words; an amount is in the smallest unit of `currency`."""

    provision: str
    maximum: str
    at_risk: tuple[str, ...]
    verified: bool
    source: str
    imprisonment_years_max: int | None = None
    turnover_percent_max: int | None = None
    fine_max_minor: int | None = None
    per_day: str | None = None
    per_day_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Unmet:
    """Something that can be held against the platform, and since when."""

    since: datetime
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A threat, and what has come of it so far. `cited`: a notice named the clause.

    `days` are the whole days that have passed; `accrued_minor` is None where the clause states no sum per day.
    """

    threat: Threat
    cited: bool
    days: int
    accrued_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What a legal basis threatens, for items and duties that are unmet; the gravest clause first, as the registry has them."""

    legal_basis: str
    unmet_items: int = 0
    unmet: tuple[Unmet, ...] = ()
    clauses: tuple[Clause, ...] = ()

    @property
    def open(self) -> bool:
        """Whether anything is unmet."""
        return bool(self.unmet_items or self.unmet)

    @property
    def since(self) -> datetime | None:
        return min((each.since for each in self.unmet), default=None)

    @property
    def first(self) -> Clause | None:
        return self.clauses[0] if self.clauses else None

    @property
    def at_risk(self) -> tuple[str, ...]:
        """Each role that a clause names, once."""
        return tuple(dict.fromkeys(chain.from_iterable(each.threat.at_risk for each in self.clauses)))


def exposure(
    legal_basis: str,
    threats: Sequence[Threat],
    *,
    unmet_items: int,
    unmet: Iterable[Unmet],
    cited: Collection[str],
    now: datetime,
) -> Exposure:
    """The exposure of one directive. `cited` are the provisions that its notices named."""
    known = tuple(sorted(unmet))
    days = max((now - known[0].since) // _DAY, 0) if known else 0
    named = set(map(_plain, cited))
    clauses = tuple(_clause(threat, cited=_plain(threat.provision) in named, days=days) for threat in threats)
    return Exposure(legal_basis=legal_basis, unmet_items=unmet_items, unmet=known, clauses=clauses)


def together(exposures: Iterable[Exposure]) -> list[Exposure]:
    """One exposure for each set of clauses: items and accrued sums added up, the longest time, each kind of unmet thing once."""
    alike: dict[tuple[str, tuple[Threat, ...]], list[Exposure]] = {}
    for each in exposures:
        alike.setdefault((each.legal_basis, tuple(clause.threat for clause in each.clauses)), []).append(each)
    return [_sum(group) for _, group in sorted(alike.items(), key=lambda each: each[0][0])]


def _clause(threat: Threat, *, cited: bool, days: int) -> Clause:
    accrued = None if threat.per_day_minor is None else threat.per_day_minor * days
    return Clause(threat=threat, cited=cited, days=days, accrued_minor=accrued)


def _sum(group: Sequence[Exposure]) -> Exposure:
    first: dict[str, Unmet] = {}
    for each in sorted(chain.from_iterable(exposure.unmet for exposure in group)):
        first.setdefault(each.what, each)
    return Exposure(
        legal_basis=group[0].legal_basis,
        unmet_items=sum(each.unmet_items for each in group),
        unmet=tuple(first.values()),
        clauses=tuple(map(_sum_of_clauses, zip(*(each.clauses for each in group), strict=True))),
    )


def _sum_of_clauses(same: Sequence[Clause]) -> Clause:
    accrued = [each.accrued_minor for each in same if each.accrued_minor is not None]
    return Clause(
        threat=same[0].threat,
        cited=any(each.cited for each in same),
        days=max(each.days for each in same),
        accrued_minor=sum(accrued) if accrued else None,
    )


def _plain(provision: str) -> str:
    """A provision without the differences in which people write it: "s. 69A (3)" is "s.69A(3)"."""
    return "".join(provision.split()).casefold()
