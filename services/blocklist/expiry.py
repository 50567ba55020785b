"""Directives end when their own time runs out, and interim ones when nobody confirms them: the clocks that end claims.

They are the only ones that run here. Promises: a directive is ended once, whoever looks first; a process that was down catches
up; a clock that jumps is noticed within `POLL`. Does not promise: to end it at the very instant, only within `POLL` of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from services.blocklist.commands import Commands
from services.blocklist.handlers.endings import expire
from services.blocklist.handlers.interim import lapse
from services.blocklist.handlers.unit import Effects, Unit
from services.blocklist.store import directives
from shared.clock import Clock
from shared.db import Database
from shared.ids import DirectiveId
from shared.logs import get_logger

log = get_logger(__name__)

POLL = timedelta(milliseconds=250)
PER_TURN = 100


class Expiry:
    def __init__(self, *, database: Database, commands: Commands, clock: Clock) -> None:
        self._database = database
        self._commands = commands
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        """Looks until told to stop. What fails is logged and tried at the next look."""
        while not stop.is_set():
            try:
                await self.run_once()
            except Exception as error:  # noqa: BLE001 (nothing is lost: the directive is still due at the next look)
                log.warning("expiry_failed", error=repr(error))
            try:
                await asyncio.wait_for(stop.wait(), POLL.total_seconds())
            except TimeoutError:
                continue

    async def run_once(self) -> int:
        """Ends what is due. Answers how many directives were ended, in part or as a whole."""
        now = self._clock()
        expiring = await self._database.read(lambda connection: directives.due_to_expire(connection, now, PER_TURN))
        lapsing = await self._database.read(lambda connection: directives.due_to_lapse(connection, now, PER_TURN))
        ended = [await self._end(id_, expire) for id_ in expiring] + [await self._end(id_, lapse) for id_ in lapsing]
        return sum(ended)

    async def _end(self, id_: DirectiveId, end: Callable[[Unit, DirectiveId], Awaitable[Effects | None]]) -> bool:
        async def work(unit: Unit) -> bool:
            return await end(unit, id_) is not None

        return await self._commands.run(work)
