"""The transparency report: figures by jurisdiction, authority and legal basis, for the public or for the platform itself."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.notifier.documents.model import Document
from services.notifier.documents.parts import instant
from services.notifier.domain.compliance import CAUSES
from services.notifier.domain.transparency import (
    JOURNALIST,
    NEWS,
    RESTORED,
    Figures,
    RowKey,
    median,
    percentile,
)
from shared.figures import HIDDEN, SMALL, public_figure, public_parts, safe
from shared.ids import TargetType

DECISIONS = ("complied", "refused", "not_located", "undecided", "withdrawn", "released")
KINDS = ("block", "unblock")
TIMES = ("seconds_to_acknowledge", "seconds_to_effect")

NOTE = (
    "Counts of 1 to 9 are told as <10, and counts from which such a one could be computed as suppressed; times of fewer than 10 "
    "cases are left out. Nothing is promised against who solves several rows and columns together."
)
METHOD = (
    "Orders count by the time of receipt, in each jurisdiction for which they ask something; totals count each order once. Items "
    "count as they stood at as_of; released_by_cause counts an item once for each cause that ever ended its claims. The time to "
    "acknowledge runs from receipt to the first reply, the time to effect from receipt until the last system that has to apply "
    "an item's first restriction had applied it. The 95th percentile is the smallest value that 95 % of the values do not exceed."
)


class Audience(StrEnum):
    PUBLIC = "public"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a report is made from."""

    start: datetime
    end: datetime
    as_of: datetime
    audience: Audience
    filters: Mapping[str, str | None]
    rows: Mapping[RowKey, Figures]
    total: Figures


def transparency(report: Report) -> Document:
    rows = {key: counted(figures) for key, figures in report.rows.items()}
    total = counted(report.total)
    if report.audience is Audience.PUBLIC:
        shown = {key: _public(row) for key, row in rows.items()}
        total, rows = _public_total(total, list(rows.values()), list(shown.values())), shown
    return {
        "from": instant(report.start),
        "to": instant(report.end),
        "as_of": instant(report.as_of),
        "audience": report.audience.value,
        "filters": dict(report.filters),
        "rows": [{**key._asdict(), "authority": key.authority or None, **row} for key, row in rows.items()],
        "totals": total,
        "rdr_f6": RDR_F6,
        "notes": [METHOD, *([NOTE] if report.audience is Audience.PUBLIC else [])],
    }


def counted(figures: Figures) -> Document:
    """Every figure as it is."""
    return {
        "directives": _each(figures.directives, KINDS),
        "unofficial_requests": figures.unofficial_requests.total(),
        "unofficial_targets": figures.unofficial_targets.total(),
        "sealed": figures.sealed.total(),
        "targets": figures.decisions.total(),
        "decisions": _each(figures.decisions, DECISIONS),
        "refused_by_ground": _each(figures.refused),
        "withheld": _each(figures.withheld, [kind.value for kind in TargetType]),
        "released_by_cause": _each(figures.released, CAUSES),
        "restored_by_the_platform": figures.released[RESTORED],
        "news_outlets_targeted": figures.targeted[NEWS],
        "journalists_targeted": figures.targeted[JOURNALIST],
        "notices": _each(figures.notices),
        "breaches": _each(figures.breaches),
        "seconds_to_acknowledge": _times(figures.acknowledged_after),
        "seconds_to_effect": _times(figures.effect_after),
    }


def _public(row: Document, hidden: Iterable[str] = ()) -> Document:
    """The row without what points at few people. What is a part of a suppressed count is not told either."""
    decisions, targets = public_parts(row["decisions"], list(hidden))
    refused = _parts_of(decisions["refused"], row["refused_by_ground"])
    released = _parts_of(decisions["released"], row["released_by_cause"])
    return {
        "directives": _small(row["directives"]),
        "unofficial_requests": public_figure(row["unofficial_requests"]),
        "unofficial_targets": public_figure(row["unofficial_targets"]),
        "sealed": public_figure(row["sealed"]),
        "targets": targets,
        "decisions": decisions,
        "refused_by_ground": refused,
        "withheld": _parts_of(decisions["complied"], row["withheld"]),
        "released_by_cause": released,
        "restored_by_the_platform": released[RESTORED],
        "news_outlets_targeted": _like(refused.get(NEWS), row["news_outlets_targeted"]),
        "journalists_targeted": _like(refused.get(JOURNALIST), row["journalists_targeted"]),
        "notices": _small(row["notices"]),
        "breaches": _small(row["breaches"]),
        **{name: _few(row[name]) for name in TIMES},
    }


def _public_total(total: Document, rows: Sequence[Document], shown: Sequence[Document]) -> Document:
    """The totals, without those from which a count that a row does not tell could be computed."""
    solvable = {
        (group, name)
        for group, names in _paths(total)
        for name in names
        if not _safe([_at(row, group, name) for row in rows], [_at(row, group, name) for row in shown])
    }
    told = _public(total, [name for group, name in solvable if group == "decisions"])
    for group, name in solvable:
        counts = told[group] if group else told
        if isinstance(counts[name], int) and counts[name]:
            counts[name] = HIDDEN
    return told


def _paths(row: Document) -> list[tuple[str, Sequence[str]]]:
    """The names of all counts of a row, by the group that they stand in; times are no counts."""
    groups = [(name, list(value)) for name, value in row.items() if isinstance(value, dict) and name not in TIMES]
    return [("", [name for name, value in row.items() if not isinstance(value, dict)]), *groups]


def _at(row: Document, group: str, name: str) -> int | str:
    found: int | str = (row[group] if group else row).get(name, 0)
    return found


def _safe(counts: Sequence[int | str], told: Sequence[int | str]) -> bool:
    """Whether a total may be told beside the rows that it is of."""
    numbered = {str(number): int(count) for number, count in enumerate(counts)}
    return safe(numbered, {str(number): each for number, each in enumerate(told)})


def _parts_of(whole: int | str, parts: Mapping[str, int]) -> Document:
    """Parts of a count; of one that is not told none is."""
    told, _ = public_parts(parts, () if isinstance(whole, int) else list(parts))
    return told


def _like(told: int | str | None, count: int) -> int | str:
    return HIDDEN if told == HIDDEN else public_figure(count)


def _small(counts: Mapping[str, int]) -> Document:
    return {name: public_figure(count) for name, count in counts.items()}


def _few(times: Document) -> Document:
    """How many cases there are could tell a count that is suppressed elsewhere."""
    enough = times["cases"] >= SMALL
    return {"median": times["median"], "p95": times["p95"]} if enough else {"median": None, "p95": None}


def _times(seconds: Sequence[float]) -> Document:
    return {"cases": len(seconds), "median": median(seconds), "p95": percentile(seconds, 95)}


def _each(counts: Counter[str], expected: Iterable[str] = ()) -> dict[str, int]:
    """What is expected in its order, zeros included, and then whatever else there is."""
    known = list(expected)
    return {name: counts[name] for name in (*known, *sorted(counts.keys() - set(known)))}


RDR_F6: Sequence[Document] = tuple(
    {"element": number, "asks_for": asks_for, "answered": bool(where), "where": where, "why_not": why_not}
    for number, (asks_for, where, why_not) in enumerate(
        (
            ("requests by country", "rows: jurisdiction", None),
            ("accounts affected", "withheld: account", None),
            ("pieces of content or URLs affected", "withheld: post, hashtag, url", None),
            ("subject matter of the requests", None, "orders are not classified by subject; the legal basis is what is recorded"),
            ("requests by legal authority", "rows: authority, legal_basis", None),
            ("requests through unofficial channels", "unofficial_requests, unofficial_targets", None),
            ("requests complied with", "decisions: complied", None),
            ("original requests published or archived", None, "not here: single orders are exported as notices to Lumen"),
            ("at least once a year", "from, to: any period, at any time", None),
            ("as a structured file", "this document as JSON or CSV", None),
        ),
        start=1,
    )
)
"""The elements that Ranking Digital Rights asks for in its indicator F6, and where each is answered."""
