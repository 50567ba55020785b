"""Every lane is compared with its checkpoint, as soon as there is a new one.

Promises: within `POLL_SECONDS` of a checkpoint that can be compared, it is; see `handlers.checkpoints` for what follows.
Several may compare at a time: the second finds nothing left to do.
"""

import asyncio
from functools import partial

from services.notifier.commands import Commands
from services.notifier.handlers.checkpoints import compare_lane, is_purged, settle_purged, unsettled
from shared.logs import get_logger
from shared.tasks import pause
from shared.topics import Topics

log = get_logger(__name__)

POLL_SECONDS = 1.0


class Auditor:
    def __init__(self, *, commands: Commands, topics: Topics) -> None:
        self._commands = commands
        self._topic = topics.withholdings

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop."""
        while not stop.is_set():
            await self.run_once()
            await pause(stop, POLL_SECONDS)

    async def run_once(self) -> None:
        """Compares every lane that has something to compare, and looks whether what was purged is made up for."""
        for topic, partition in await self._commands.ask(unsettled):
            await self._compare(topic, partition)
        if await self._commands.ask(partial(is_purged, topic=self._topic)):
            await self._commands.run(partial(settle_purged, topic=self._topic))

    async def _compare(self, topic: str, partition: int) -> None:
        try:
            await self._commands.run(partial(compare_lane, topic=topic, partition=partition))
        except Exception:  # one lane that cannot be compared must not keep the others from it
            log.exception("lane_not_compared", topic=topic, partition=partition)
