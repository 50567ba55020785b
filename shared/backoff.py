"""How long to wait before the next try: full jitter between zero and a doubling, capped ceiling."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    base: timedelta = timedelta(milliseconds=100)
    cap: timedelta = timedelta(seconds=10)

    def delay(self, attempt: int, jitter: float) -> timedelta:
        """The wait before try number `attempt` (1 is the first retry); `jitter` is drawn by the caller from [0, 1)."""
        ceiling: timedelta = min(self.cap, self.base * 2 ** min(attempt - 1, 30))
        return ceiling * jitter
