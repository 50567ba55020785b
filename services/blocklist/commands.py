"""Runs a command: opens its transaction, carries it out once per idempotency key, commits, then counts."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.handlers.unit import Unit
from services.blocklist.metrics import CommandMetrics
from services.blocklist.store import idempotency
from services.blocklist.store.idempotency import Answer, Attempt
from shared.clock import Clock
from shared.db import Database
from shared.topics import Topics

T = TypeVar("T")


class Commands:
    def __init__(self, *, database: Database, topics: Topics, clock: Clock, metrics: CommandMetrics) -> None:
        self._database = database
        self._topics = topics
        self._clock = clock
        self._metrics = metrics

    async def run(self, handle: Callable[[Unit], Awaitable[T]]) -> T:
        """The handler's result, committed. Raises what the handler raises, with nothing stored."""

        async def work(connection: AsyncConnection) -> tuple[T, Unit]:
            unit = Unit(connection, self._topics, self._clock())
            return await handle(unit), unit

        result, unit = await self._database.write(work)
        self._metrics.count(unit.emitted)
        return result

    async def answer(self, attempt: Attempt | None, handle: Callable[[Unit], Awaitable[Answer]]) -> Answer:
        """Like `run`, but a request whose key was answered before gets that answer, and is not carried out again."""
        if attempt is None:
            return await self.run(handle)

        async def once(unit: Unit) -> Answer:
            stored = await idempotency.claim(unit.connection, attempt, unit.now)
            if stored:
                return stored
            answer = await handle(unit)
            await idempotency.keep(unit.connection, attempt, answer)
            return answer

        return await self.run(once)
