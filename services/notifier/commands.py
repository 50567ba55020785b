"""Runs a handler: opens its transaction, commits, and only then tells what it found."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.handlers.unit import Unit
from services.notifier.metrics import FactMetrics
from shared.clock import Clock
from shared.db import Database
from shared.registry import Registry

T = TypeVar("T")
Handler = Callable[[Unit], Awaitable[T]]


class Commands:
    def __init__(self, *, database: Database, registry: Registry, clock: Clock, metrics: FactMetrics) -> None:
        self._database = database
        self._registry = registry
        self._clock = clock
        self._metrics = metrics

    async def run(self, handle: Handler[T]) -> T:
        """The handler's result, committed, and its facts counted. Raises what the handler raises, with nothing stored."""

        async def work(connection: AsyncConnection) -> tuple[T, Unit]:
            unit = Unit(connection, self._clock(), self._registry)
            return await handle(unit), unit

        result, unit = await self._database.write(work)
        self._metrics.tell(unit.found)
        return result

    async def ask(self, handle: Handler[T]) -> T:
        """The result of a handler that only reads, all of it as of one moment."""

        async def work(connection: AsyncConnection) -> T:
            return await handle(Unit(connection, self._clock(), self._registry))

        return await self._database.read(work)
