"""Bars for the figures of a report: where each begins and how long it is. The template draws them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.notifier.documents.model import Document
from services.notifier.documents.parts import word

WIDEST, STEP, LEFT = 420.0, 26, 250
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


@dataclass(frozen=True, slots=True)
class Bar:
    """`text` is the figure as it is told, which may be a bound without a length."""

    label: str
    text: str
    length: float
    top: int


@dataclass(frozen=True, slots=True)
class Chart:
    title: str
    bars: tuple[Bar, ...]

    @property
    def height(self) -> int:
        return STEP * len(self.bars)


def charts(document: Document) -> list[Chart]:
    """What was done about the items, where orders came from, and how long it took; without charts that would be empty."""
    totals, rows = document["totals"], document["rows"]
    found = [
        _chart("What was done about the items", totals["decisions"].items()),
        _chart("Items asked for, by jurisdiction, authority and law", ((_name(row), row["targets"]) for row in rows)),
        _chart("Median time to give effect", ((_name(row), row["seconds_to_effect"]["median"]) for row in rows), seconds=True),
    ]
    return [chart for chart in found if chart.bars]


def duration(seconds: float | None) -> str:
    """A time for people, in the largest unit that it fills."""
    if seconds is None:
        return "–"
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _chart(title: str, values: Iterable[tuple[str, Any]], *, seconds: bool = False) -> Chart:
    told = [(word(label), value) for label, value in values if value is not None]
    most = max((value for _, value in told if not isinstance(value, str)), default=0)
    bars = (
        Bar(
            label=label,
            text=duration(value) if seconds else str(value),
            length=round(WIDEST * value / most, 1) if most and not isinstance(value, str) else 0.0,
            top=number * STEP,
        )
        for number, (label, value) in enumerate(told)
    )
    return Chart(title, tuple(bars))


def _name(row: Document) -> str:
    return " · ".join(filter(None, (row["jurisdiction"], row["authority"], row["legal_basis"])))
