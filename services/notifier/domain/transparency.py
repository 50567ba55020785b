"""What is told about orders in figures: what was asked, what was done, and how long it took. Pure: values in, values out."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import NamedTuple

from services.notifier.domain.case import OFFICIAL, Directive, Item
from services.notifier.domain.traces import COMPLIED, Trace
from shared.ids import Jurisdiction, Key, Target, type_of

RELEASED, REFUSED, RESTORED = "released", "refused", "platform_decision"
NEWS, JOURNALIST = "news_media", "journalist"

Told = Mapping[Target, Sequence[Item]]
"""What was told of each item, in the order of revisions."""

Chronicle = Mapping[Key, Sequence[Trace]]
"""All versions of each key, in their order, with what points made of each."""


class RowKey(NamedTuple):
    jurisdiction: Jurisdiction
    authority: str
    legal_basis: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures that add up. Items count by how they stand; `released` by cause, each item once for each cause it ever had.

    All but the first two are of official orders alone.
    """

    unofficial_requests: Counter[str] = field(default_factory=Counter)
    unofficial_targets: Counter[str] = field(default_factory=Counter)
    directives: Counter[str] = field(default_factory=Counter)
    sealed: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    released: Counter[str] = field(default_factory=Counter)
    targeted: Counter[str] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    breaches: Counter[str] = field(default_factory=Counter)
    acknowledged_after: list[float] = field(default_factory=list)
    effect_after: list[float] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        for each in fields(self):
            mine, more = getattr(self, each.name), getattr(other, each.name)
            mine.extend(more) if isinstance(mine, list) else mine.update(more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondence:
    """What was written about a directive, and which of its times ran out."""

    first_reply_at: datetime | None
    notices: Sequence[str]
    breaches: Sequence[str]


def figures_of(directive: Directive, told: Told, chronicle: Chronicle, written: Correspondence) -> Figures:
    """The figures of one directive."""
    if directive.channel != OFFICIAL:
        decisions = Counter(states[-1].decision for states in told.values())
        return Figures(Counter(requests=1), Counter(decisions))
    found = Figures()
    found.directives[directive.kind or "block"] += 1
    found.sealed["sealed"] += directive.sealed
    found.notices.update(written.notices)
    found.breaches.update(written.breaches)
    if written.first_reply_at is not None:
        found.acknowledged_after.append(_seconds(directive, written.first_reply_at))
    for states in told.values():
        _count(found, directive, states, chronicle)
    return found


def by_row(found: Iterable[tuple[Directive, Figures]], place: Jurisdiction | None = None) -> dict[RowKey, Figures]:
    """The figures by jurisdiction, authority and legal basis. A directive counts in each jurisdiction that it asks for."""
    rows: dict[RowKey, Figures] = {}
    for directive, figures in found:
        for where in directive.scope if place is None else directive.scope & {place}:
            rows.setdefault(RowKey(where, directive.authority or "", directive.legal_basis), Figures()).add(figures)
    return dict(sorted(rows.items()))


def together(found: Iterable[Figures]) -> Figures:
    total = Figures()
    for each in found:
        total.add(each)
    return total


def median(seconds: Sequence[float]) -> float | None:
    return statistics.median(seconds) if seconds else None


def percentile(seconds: Sequence[float], percent: int) -> float | None:
    """The smallest of the values that so many percent of them do not exceed; None of none."""
    ordered = sorted(seconds)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else None


def effect_after(directive: Directive, states: Sequence[Item], chronicle: Chronicle) -> float | None:
    """Seconds from receipt until the item's first version was applied at the last point; None if that has not been."""
    first = next((state for state in states if state.decision == COMPLIED), None)
    if first is None or not first.jurisdictions:
        return None
    instants = [_first_effect(chronicle.get(Key(place, first.target), ()), first) for place in first.jurisdictions]
    known = [instant for instant in instants if instant is not None]
    return _seconds(directive, max(known)) if len(known) == len(instants) else None


def _count(found: Figures, directive: Directive, states: Sequence[Item], chronicle: Chronicle) -> None:
    item = states[-1]
    found.decisions[item.decision] += 1
    if item.decision == REFUSED:
        found.refused[item.ground or "not_stated"] += 1
    if item.decision == COMPLIED and item.jurisdictions and not item.suspended:
        found.withheld[type_of(item.target).value] += 1
    found.released.update({state.cause or "not_stated" for state in states if state.decision == RELEASED})
    found.targeted.update({state.ground for state in states if state.ground in {NEWS, JOURNALIST}})
    after = effect_after(directive, states, chronicle)
    if after is not None:
        found.effect_after.append(after)


def _first_effect(versions: Sequence[Trace], item: Item) -> datetime | None:
    """When the version that was withheld at the decision, or the first after it, had been applied at all points."""
    before = [each for each in versions if each.version.effective_at <= item.changed_at][-1:]
    later = [each for each in versions if each.version.effective_at > item.changed_at]
    first = next((each for each in [*before, *later] if each.withheld), None)
    if first is None or not first.answers:
        return None
    applied = [answer.applied_at for answer in first.answers if answer.applied_at is not None]
    return max([*applied, item.changed_at]) if len(applied) == len(first.answers) else None


def _seconds(directive: Directive, at: datetime) -> float:
    return max(0.0, (at - directive.received_at).total_seconds())
