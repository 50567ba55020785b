"""Deadlines: what is not answered or met in time is recorded, once, when its time runs out.

Promises: what has run out is recorded within `LONGEST_WAIT` of its time, however far the clock jumps, and once, whoever looks.
Half and four fifths of a clock's time are warned of likewise; who was away tells of each clock the gravest alone.
After a start it first gives the consumer time to catch up: what Kafka holds already may well be the answer.
Does not promise: that nothing is recorded that was answered in time by a point whose answer is still under way.
"""

import asyncio
import contextlib

from services.notifier.commands import Commands
from services.notifier.handlers.deadlines import look_at_items, next_due, run_out
from shared.clock import Clock
from shared.logs import get_logger
from shared.tasks import first_of, pause

log = get_logger(__name__)

PER_TURN = 1000
JUDGED_PER_TURN = 250
"""Clocks that items meet cost more, and whatever else falls due meanwhile must not wait for a thousand of them."""

LONGEST_WAIT = 0.5
"""Seconds. A settable clock may jump at any time."""

SHORTEST_WAIT = 0.01

GRACE = 30.0
"""Seconds that the consumer gets to catch up. Clocks run while Kafka is away, too."""


class Deadlines:
    def __init__(self, *, commands: Commands, clock: Clock, caught_up: asyncio.Event, grace: float = GRACE) -> None:
        self._commands = commands
        self._clock = clock
        self._caught_up = caught_up
        self._grace = grace

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop."""
        await self._wait_for_consumer(stop)
        while not stop.is_set():
            if not await self.run_once():
                await pause(stop, await self._seconds_to_next())

    async def run_once(self) -> bool:
        """Records what has run out by now. Answers whether there may be more."""
        more = await self._commands.run(lambda unit: run_out(unit, limit=PER_TURN))
        return await self._commands.run(lambda unit: look_at_items(unit, limit=JUDGED_PER_TURN)) or more

    async def _wait_for_consumer(self, stop: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(first_of(stop, self._caught_up), self._grace)

    async def _seconds_to_next(self) -> float:
        due_at = await self._commands.ask(next_due)
        if due_at is None:
            return LONGEST_WAIT
        return min(LONGEST_WAIT, max(SHORTEST_WAIT, (due_at - self._clock()).total_seconds()))
