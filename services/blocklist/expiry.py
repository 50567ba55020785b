"""Directives end when their own time runs out: the one clock that ends claims, and so the only one that runs here.

Promises: an expired directive is ended once, whoever looks first; a process that was down catches up; a clock that jumps is
noticed within `POLL`. Does not promise: to end it at the very instant, only within `POLL` of it.
"""

import asyncio
from datetime import timedelta

from services.blocklist.commands import Commands
from services.blocklist.handlers.endings import expire
from services.blocklist.handlers.unit import Unit
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
        """Ends what is due. Answers how many directives were ended."""
        now = self._clock()
        due = await self._database.read(lambda connection: directives.due_to_expire(connection, now, PER_TURN))
        return sum([await self._expire(id_) for id_ in due])

    async def _expire(self, id_: DirectiveId) -> bool:
        async def work(unit: Unit) -> bool:
            return await expire(unit, id_) is not None

        return await self._commands.run(work)
