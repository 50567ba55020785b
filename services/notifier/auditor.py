"""Every lane is compared with its checkpoint, as soon as there is a new one.

Promises: within `POLL_SECONDS` of a checkpoint that can be compared, it is; see `handlers.checkpoints` for what follows.
Several may compare at a time: the second finds nothing left to do.
"""

import asyncio
from functools import partial

from services.notifier.commands import Commands
from services.notifier.handlers.checkpoints import compare_lane, unsettled
from shared.tasks import pause

POLL_SECONDS = 1.0


class Auditor:
    def __init__(self, *, commands: Commands) -> None:
        self._commands = commands

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop."""
        while not stop.is_set():
            await self.run_once()
            await pause(stop, POLL_SECONDS)

    async def run_once(self) -> None:
        """Compares every lane that has something to compare."""
        for topic, partition in await self._commands.ask(unsettled):
            await self._commands.run(partial(compare_lane, topic=topic, partition=partition))
