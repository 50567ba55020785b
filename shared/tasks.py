"""Background work inside a service: started, watched, and stopped in order."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar

from shared.backoff import Backoff
from shared.logs import get_logger

log = get_logger(__name__)

STOP_WITHIN = 20.0
"""Seconds that all the bodies of one process have together, from the moment when the first is asked to stop."""

LONG_ENOUGH = 60.0

_stopped_by: ContextVar[float | None] = ContextVar("stopped_by", default=None)
"""When, on the monotonic clock, whatever ends now has to have ended. Blocks that were entered inside one another share it."""

Body = Callable[[asyncio.Event], Awaitable[None]]
"""Works until the event is set, or until it is done."""


@asynccontextmanager
async def running(name: str, body: Body) -> AsyncIterator[None]:
    """Runs `body` beside the block. One that fails is logged and started again, with backoff, until the block ends; one that
    worked for `LONG_ENOUGH` before it failed is started again as if it never had.

    At the end the body is asked to stop, waited for, and cancelled only if it takes too long: blocks that end one after another
    have `STOP_WITHIN` seconds for all of them.
    """
    stop = asyncio.Event()
    _stopped_by.set(None)
    task = asyncio.create_task(_restarted(name, body, stop), name=name)
    try:
        yield
    finally:
        stop.set()
        _done, late = await asyncio.wait([task], timeout=_seconds_to_stop())
        for pending in late:
            log.error("task_cancelled", task=name)
            pending.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _seconds_to_stop() -> float:
    now = time.monotonic()
    until = _stopped_by.get()
    if until is None:
        until = now + STOP_WITHIN
        _stopped_by.set(until)
    return max(0.0, until - now)


async def _restarted(name: str, body: Body, stop: asyncio.Event) -> None:
    backoff = Backoff()
    failures = 0
    while not stop.is_set():
        began = time.monotonic()
        try:
            await body(stop)
        except Exception:
            failures = 1 if time.monotonic() - began >= LONG_ENOUGH else failures + 1
            log.exception("task_failed", task=name, failures=failures)
            await pause(stop, backoff.delay(failures, random.random()).total_seconds())  # noqa: S311 (jitter)
        else:
            return


async def pause(event: asyncio.Event, seconds: float) -> bool:
    """Waits for the event, but no longer than this. Answers whether it is set."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def first_of(*events: asyncio.Event) -> None:
    """Waits until one of the events is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
