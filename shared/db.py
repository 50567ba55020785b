"""One way to talk to a database, the same on SQLite and PostgreSQL: async SQLAlchemy Core.

Promises
 1. `write` commits before it returns. A caller that is cancelled in the middle (a client that hangs up) cannot leave half a
    transaction behind: the work runs on, whole, in a task of its own.
 2. `write` runs the work again when the database asks for it (deadlock, serialisation) or the work does (`ConcurrentChange`),
    a bounded number of times. Work must therefore do nothing but database work.
 3. On SQLite there is one writer at a time, from BEGIN on, so that what a transaction read cannot change under it.
Does not promise: to know how a COMMIT ended whose connection broke. That is `OutcomeUnknown`, and the caller's key resolves it.
Would break it: work that swallows an error and goes on.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import DateTime, Dialect, TypeDecorator
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.backoff import Backoff
from shared.engines import DEFAULT_LIMITS, StoreLimits, driver_url, sqlite_file
from shared.outages import (
    LOCK_TIMEOUT,
    READ_ONLY,
    RETRIED,
    UNDECIDED,
    ConcurrentChange,
    OutcomeUnknown,
    StoreUnfit,
    is_outage,
    sqlstate,
)
from shared.postgres import postgres_engines
from shared.sqlite import end_if_fsync_failed, exclusive, sqlite_engines
from shared.steps import Step, reached

__all__ = [
    "LOCK_TIMEOUT",
    "RETRIED",
    "ConcurrentChange",
    "Database",
    "Instant",
    "OutcomeUnknown",
    "StoreLimits",
    "StoreUnfit",
    "driver_url",
    "exclusive",
    "is_outage",
    "opened",
    "sqlite_file",
    "sqlstate",
]

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

_tries = 8
_backoff = Backoff(base=timedelta(milliseconds=10), cap=timedelta(seconds=1))


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, also on SQLite, which has no such type. Refuses naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime has no place here: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        found: datetime = value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class Database:
    """Reads and writes in transactions; `after_commit` is called once after each write that committed."""

    def __init__(
        self, url: str, *, limits: StoreLimits = DEFAULT_LIMITS, after_commit: Callable[[], None] = lambda: None
    ) -> None:
        self.dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
        self._engines = sqlite_engines(url, limits) if self.dialect == "sqlite" else postgres_engines(url, limits)
        self._limits = limits
        self._after_commit = after_commit
        self._running: set[asyncio.Task[Any]] = set()

    async def write(self, work: Work[T], *, silent: bool = False) -> T:
        """Runs `work` in a transaction and commits. Raises what `work` raises, with nothing stored; or OutcomeUnknown.

        `silent` is for work that is no news to whoever `after_commit` tells.
        """
        return await self._finished(self._write(work, keep=True, silent=silent))

    async def rehearse(self, work: Work[T]) -> T:
        """Runs `work` as `write` does, locks and repetitions included, and takes all of it back. `after_commit` is not called."""
        return await self._finished(self._write(work, keep=False, silent=True))

    async def _finished(self, writing: Coroutine[Any, Any, T]) -> T:
        """What it returns, run to its end even if nobody waits for it any more."""
        task = asyncio.ensure_future(writing)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def read(self, work: Work[T]) -> T:
        """Runs `work` in a transaction that is rolled back. Raises TimeoutError if it takes longer than anybody may read."""
        async with asyncio.timeout(self._limits.reading), _clean(self._engines.reader) as connection:
            return await work(connection)

    async def report(self, work: Work[T]) -> T:
        """Like `read`, for what may take minutes: it gets a longer time, and takes no connection from others."""
        async with asyncio.timeout(self._limits.reporting), _clean(self._engines.reports) as connection:
            return await work(connection)

    async def look(self, work: Work[T]) -> T:
        """Like `read`, on a connection for those who ask how the database is: it is there when every other one is taken."""
        async with _clean(self._engines.probe) as connection:
            return await work(connection)

    async def close(self) -> None:
        """Waits for writes under way, then closes every connection."""
        if self._running:
            await asyncio.wait(self._running)
        await self._engines.dispose()

    async def _write(self, work: Work[T], *, keep: bool, silent: bool) -> T:
        for attempt in range(1, _tries):
            try:
                return await self._write_once(work, keep=keep, silent=silent)
            except (DBAPIError, ConcurrentChange) as error:
                if isinstance(error, DBAPIError) and sqlstate(error) not in RETRIED:
                    raise
                await asyncio.sleep(_backoff.delay(attempt, random.random()).total_seconds())  # noqa: S311 (jitter)
        return await self._write_once(work, keep=keep, silent=silent)

    async def _write_once(self, work: Work[T], *, keep: bool, silent: bool) -> T:
        async with _clean(self._engines.writer) as connection:
            result = await work(connection)
            if keep:
                reached(Step.WORK_DONE)
                await _commit(connection)
        if keep:
            reached(Step.COMMITTED)
        if not silent:
            self._after_commit()
        return result


@asynccontextmanager
async def _clean(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection that goes back to the pool only if it is known in what state it is.

    After a cancellation or a timeout the server may still be in the middle of something: such a connection is thrown away.
    """
    async with engine.connect() as connection:
        try:
            yield connection
        except (asyncio.CancelledError, OSError, OutcomeUnknown):
            await connection.invalidate()
            raise
        except DBAPIError as error:
            end_if_fsync_failed(error)
            if sqlstate(error) == READ_ONLY:
                await connection.invalidate()  # the next one may find the new primary
            raise


async def _commit(connection: AsyncConnection) -> None:
    """Raises OutcomeUnknown unless it is known whether the transaction was committed."""
    try:
        await connection.commit()
    except DBAPIError as error:
        end_if_fsync_failed(error)
        if error.connection_invalidated or sqlstate(error) in UNDECIDED:
            raise OutcomeUnknown from error
        # A COMMIT for which SQLite had no lock leaves its transaction open, with everybody shut out, and no ROLLBACK follows.
        await connection.invalidate()
        raise
    except (OSError, asyncio.CancelledError) as error:
        raise OutcomeUnknown from error


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Database]:
    try:
        yield database
    finally:
        await database.close()
