"""Carries out replays, step by step, as fast as the relay takes what is queued.

Promises: replays never queue far ahead of the relay, so that what is decided now does not wait behind all of what was. Any number
of processes may do this; each step is one process's.
"""

import asyncio
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.batch import BatchId, OpenBatch
from services.blocklist.handlers.replays import continue_one
from services.blocklist.handlers.unit import Unit
from shared.clock import Clock
from shared.db import Database
from shared.logs import get_logger
from shared.outbox.backlog import Backlog
from shared.tasks import pause
from shared.topics import Topics

log = get_logger(__name__)

AHEAD = 10_000
"""Events that may wait to be published while a replay adds more."""

LOOK_EVERY = 1.0


class Replaying:
    def __init__(self, *, database: Database, topics: Topics, clock: Clock, backlog: Backlog) -> None:
        self._database = database
        self._topics = topics
        self._clock = clock
        self._backlog = backlog

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop. What fails is logged, and tried again at the next look."""
        while not stop.is_set():
            try:
                worked = await self.run_once()
            except Exception as error:  # noqa: BLE001 (a step is whole or has not happened)
                log.warning("replay_failed", error=repr(error))
                worked = False
            if not worked:
                await pause(stop, LOOK_EVERY)

    async def run_once(self) -> bool:
        """One step, if there is one to take and room for it."""
        if (await self._backlog.now()).events > AHEAD:
            return False
        return await self._database.write(self._step)

    async def _step(self, connection: AsyncConnection) -> bool:
        return await continue_one(Unit(connection, self._topics, self._clock(), OpenBatch(id=BatchId(f"bat_{uuid4().hex}"))))
