"""How much may change at once, and in an hour, before somebody has to look.

Promises: what only ends claims is never held up by what made claims, nor the other way round: each is counted by itself. Orders
that come in are not counted and not limited, whatever they withhold at once: the clock that they start is the authority's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.blocklist.domain.batch import BatchKind, Reach

WINDOW = timedelta(hours=1)

LIMITED = (BatchKind.DECISION, BatchKind.RELEASE, BatchKind.UNDO)
"""What the platform does by itself, and so may do later or in parts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`mass_change`: a write that changes more items than this must say how many. `per_hour`: 0 sets no limit."""

    mass_change: int = 10_000
    per_hour: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """A batch of the last hour."""

    at: datetime
    reach: Reach


@dataclass(frozen=True, slots=True)
class TooMuch:
    """The batch alone goes beyond what an hour may bring: `count` items of `what`."""

    what: str
    count: int


@dataclass(frozen=True, slots=True)
class TooSoon:
    """It fits once enough of the last hour has passed."""

    what: str
    count: int
    wait: timedelta


def must_confirm(count: int, confirmed: int | None, limits: Limits) -> bool:
    """Whether a write that changes `count` items has to be confirmed, and is not. A number that is sent must be right."""
    return confirmed != count if confirmed is not None else count > limits.mass_change


def over_speed(reach: Reach, recent: Sequence[Made], now: datetime, limits: Limits) -> TooMuch | TooSoon | None:
    """What is wrong with doing this now, after what was done in the last hour."""
    for what, count_of in _COUNTED.items():
        count = count_of(reach)
        if limits.per_hour and count > limits.per_hour:
            return TooMuch(what, count)
        last = _in_the_way(limits.per_hour - count, [(made.at, count_of(made.reach)) for made in recent])
        if limits.per_hour and count and last:
            return TooSoon(what, count, last + WINDOW - now)
    return None


def _in_the_way(room: int, recent: Iterable[tuple[datetime, int]]) -> datetime | None:
    """The time of the latest batch that has to leave the window, so that what stays in it fits the room."""
    for at, count in sorted(recent, reverse=True):
        room -= count
        if room < 0:
            return at
    return None


_COUNTED: Mapping[str, Callable[[Reach], int]] = {
    "blocked": lambda reach: reach.blocked,
    "released": lambda reach: reach.released,
}
