"""Runs a handler: opens its transaction, tells in it what was found, commits, and only then counts."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.handlers.telling import tell
from services.notifier.handlers.unit import RELEASE_WITHIN, Unit
from services.notifier.metrics import FactMetrics
from shared.clock import Clock
from shared.db import Database
from shared.registry import Registry
from shared.topics import Topics

T = TypeVar("T")
Handler = Callable[[Unit], Awaitable[T]]


class Commands:
    def __init__(
        self,
        *,
        database: Database,
        registry: Registry,
        topics: Topics,
        clock: Clock,
        metrics: FactMetrics,
        release_within: timedelta = RELEASE_WITHIN,
    ) -> None:
        self._database = database
        self._registry = registry
        self._topics = topics
        self.clock = clock
        self._metrics = metrics
        self._release_within = release_within

    async def run(self, handle: Handler[T]) -> T:
        """The handler's result. What it found is told in the same transaction, and counted once that has committed.

        Raises what the handler raises, with nothing stored.
        """

        async def work(connection: AsyncConnection) -> tuple[T, Unit]:
            unit = Unit(connection, self.clock(), self._registry, self._release_within)
            result = await handle(unit)
            await tell(unit, self._topics)
            return result, unit

        result, unit = await self._database.write(work)
        self._metrics.tell(unit.found)
        return result

    async def ask(self, handle: Handler[T]) -> T:
        """The result of a handler that only reads, all of it as of one moment."""

        return await self._database.read(lambda connection: self._asked(connection, handle))

    async def report(self, handle: Handler[T]) -> T:
        """Like `ask`, for what may take minutes."""
        return await self._database.report(lambda connection: self._asked(connection, handle))

    async def _asked(self, connection: AsyncConnection, handle: Handler[T]) -> T:
        return await handle(Unit(connection, self.clock(), self._registry, self._release_within))
