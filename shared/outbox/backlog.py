"""What waits in an outbox, cheap to ask: read once for all who ask within about a second."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.clock import Clock
from shared.db import Database
from shared.http.readiness import Check, Said
from shared.outbox.table import Outbox

KEPT_SECONDS = 1.0

AT_MOST_BUSY = 0.05
"""Share of the time in which a backlog is read: one that takes long to read is read less often."""

LATE_SECONDS = 30.0
"""What waits longer for its publication is a reason to look why."""


COUNTED_WITHIN = 2.0
"""Seconds after which a report of how we are does without the number. It is long in coming when most is waiting."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many events wait, and since when the oldest does."""

    events: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Events that may wait, and how many targets make an order one to be refused first."""

    soft: int
    hard: int
    bulk_targets: int


class Backlog:
    """One reading at a time, kept for about a second. Raises what the database raises while there is none to give."""

    def __init__(
        self, database: Database, outbox: Outbox, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._monotonic = monotonic
        self._reading = asyncio.Lock()
        self._known: Waiting | None = None
        self._good_until = 0.0

    async def now(self) -> Waiting:
        """What waits, or waited a moment ago."""
        if self._known is not None and (self._monotonic() < self._good_until or self._reading.locked()):
            return self._known
        async with self._reading:
            if self._known is None or self._monotonic() >= self._good_until:
                self._known = await self._read()
            return self._known

    async def age(self) -> float:
        """For how many seconds the oldest has waited."""
        oldest = (await self.now()).oldest
        return max(0.0, (self._clock() - oldest).total_seconds()) if oldest else 0.0

    async def _read(self) -> Waiting:
        began = self._monotonic()
        found = Waiting(*await self._database.look(self._outbox.backlog))
        took = self._monotonic() - began
        self._good_until = began + took + max(KEPT_SECONDS, took / AT_MOST_BUSY)
        return found


def published_in_time(backlog: Backlog) -> Check:
    """What waits is published soon, or somebody is told. It is no reason to accept nothing: the outbox keeps it."""

    async def check() -> Said:
        try:
            async with asyncio.timeout(COUNTED_WITHIN):
                waiting, age = await backlog.now(), await backlog.age()
        except TimeoutError:
            return Said(degraded="what waits to be published is too much to be counted in time")
        late = f"the oldest event has waited {age:.0f} s to be published" if age > LATE_SECONDS else None
        return Said(details={"unpublished": waiting.events, "oldest_unpublished_seconds": round(age, 3)}, degraded=late)

    return check
