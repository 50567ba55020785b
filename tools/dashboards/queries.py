"""The forms that every query takes, so that a figure is right however many replicas report it."""

from dataclasses import dataclass

IN_JURISDICTION = 'jurisdiction=~"$jurisdiction"'
WITHOUT_PROBES = 'route!~"/livez|/readyz|/metrics"'

SHOWN = "$__range"
"""The whole time shown, for totals."""
EACH_POINT = "$__rate_interval"
"""A window before each point of a graph that is never shorter than four scrapes."""

LOOKBACK = "5m"
"""How long Prometheus takes a series for present after its last sample."""


@dataclass(frozen=True, slots=True)
class Query:
    """`legend` names each series by its labels. An instant query asks for now alone."""

    expr: str
    legend: str
    instant: bool = False


def standing(series: str, *by: str) -> str:
    """A gauge that each replica reads from the same database. The greatest is taken: a sum would count it once per replica."""
    return f"max{_by(by)}({series})"


def per_second(series: str, *by: str) -> str:
    return f"sum{_by(by)}(rate({series}[{EACH_POINT}]))"


def grown(series: str, window: str, *by: str) -> str:
    """How much a counter has grown within the window, summed over replicas.

    A labelled counter appears with its first event: one order, and 258 are there at once. `increase` takes the first value it
    sees for the start, so that the whole order would be missing. A series that was not there before the window counts in full.
    """
    new = f"{series} unless present_over_time({series}[{LOOKBACK}] offset {window})"
    return f"sum{_by(by)}(({new}) or increase({series}[{window}]))"


def quantile(of: float, buckets: str, *by: str) -> str:
    """A quantile of a histogram, of what it observed in the window before each point."""
    return f"histogram_quantile({of}, {grown(buckets, EACH_POINT, 'le', *by)})"


def or_zero(expr: str, *, reporting: str) -> str:
    """The one figure of `expr`, or 0 when it has none although `reporting`, a gauge that its process always has, is there.

    So a panel without data means that nobody reports, and never that all is well.
    """
    return f"{expr} or 0 * max({reporting})"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)}) " if labels else ""
