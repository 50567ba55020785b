"""Notices a consumer that has stalled in silence: there is more to read, or nobody can say, and nothing comes.

Promises: whoever waits in vain for `within` seconds is told so by `Stalled`, and can then be built anew.
Does not promise: to tell a slow broker from a stuck client. Building a consumer anew loses nothing, so it need not.
"""

from collections.abc import Callable


class Stalled(Exception):
    """Nothing came for too long although something should have."""


class Watchdog:
    """Told after every turn; `look_due` says when the broker should be asked anew how far its partitions go."""

    def __init__(self, *, within: float, monotonic: Callable[[], float]) -> None:
        self.within = within
        self._monotonic = monotonic
        self._waits_since: float | None = None
        self._looked_at = monotonic()

    def moved(self) -> None:
        """Something came, or nothing is to come."""
        self._waits_since = None

    def waits(self, *, times: int = 1) -> None:
        """Something should have come. Raises Stalled when that has been so for too long, `times` over."""
        now = self._monotonic()
        if self._waits_since is None:
            self._waits_since = now
        elif now - self._waits_since >= self.within * times:
            raise Stalled(f"nothing came for {now - self._waits_since:.0f} s")

    def look_due(self) -> bool:
        """Whether a third of the time has gone by since this was last true."""
        now = self._monotonic()
        due = now - self._looked_at >= self.within / 3
        if due:
            self._looked_at = now
        return due
