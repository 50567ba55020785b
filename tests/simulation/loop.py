"""An event loop whose time is simulated: it never waits, and the same seed gives the same history.

Promises: whatever is scheduled runs in the order of its time; when nothing can run now, time jumps to when something can. Nobody
who waits for ever keeps it from ending: `run` raises `Stuck` when nothing is scheduled any more.
Would break it: threads, sockets, or anything else that happens outside of the loop.
"""

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class Stuck(Exception):
    """Everybody waits for somebody else."""


class _NoIO(selectors.BaseSelector):
    """Passes the time that the loop would have waited, in no time."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck
        self.now += max(0.0, timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}

    def close(self) -> None:
        return


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._no_io = _NoIO()
        super().__init__(self._no_io)

    def time(self) -> float:
        return self._no_io.now

    def clock(self) -> datetime:
        """The simulated instant."""
        return BEGINNING + timedelta(seconds=self.time())


def run(body: Coroutine[Any, Any, T], loop: SimulatedLoop) -> T:
    """The body's result, after as much simulated time as it takes. What it left running is cancelled."""
    try:
        return loop.run_until_complete(body)
    finally:
        loop.run_until_complete(_cancel(asyncio.all_tasks(loop)))
        loop.close()


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
