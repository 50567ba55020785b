"""One way to talk to a database, the same on SQLite and PostgreSQL: async SQLAlchemy Core.

Promises
 1. `write` commits before it returns. A caller that is cancelled in the middle (a client that hangs up) cannot leave half a
    transaction behind: the work runs on, whole, in a task of its own.
 2. `write` runs the work again when the database asks for it (deadlock, serialisation) or the work does (`ConcurrentChange`),
    a bounded number of times. Work must therefore do nothing but database work.
 3. On SQLite there is one writer at a time, from BEGIN on, so that what a transaction read cannot change under it.
Does not promise: to know how a COMMIT ended whose connection broke. That is `OutcomeUnknown`, and the caller's key resolves it.
Would break it: a second process writing the same SQLite file (see `exclusive`), work that swallows an error and goes on.
"""

import asyncio
import fcntl
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import DateTime, Dialect, TypeDecorator, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.backoff import Backoff
from shared.steps import Step, reached

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

RETRIED = frozenset({"40001", "40P01"})
"""SQLSTATEs after which the same transaction may succeed: serialization_failure, deadlock_detected."""

LOCK_TIMEOUT = "55P03"

WAL_RESET_FIXED = (3, 51, 3)
"""First SQLite in which write-ahead logging is safe with several connections; every version since 3.7.0 can corrupt the file."""

_tries = 8
_backoff = Backoff(base=timedelta(milliseconds=10), cap=timedelta(seconds=1))


class ConcurrentChange(Exception):
    """What the work had read is no longer so; run it again."""


class OutcomeUnknown(Exception):
    """The connection broke while committing: the change may or may not be there."""


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

    def __init__(self, url: str, *, after_commit: Callable[[], None] = lambda: None) -> None:
        self.dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
        self._writer, self._reader = _sqlite_engines(url) if self.dialect == "sqlite" else _postgres_engines(url)
        self._after_commit = after_commit
        self._running: set[asyncio.Task[Any]] = set()

    async def write(self, work: Work[T]) -> T:
        """Runs `work` in a transaction and commits. Raises what `work` raises, with nothing stored; or OutcomeUnknown."""
        return await self._finished(self._write(work, keep=True))

    async def rehearse(self, work: Work[T]) -> T:
        """Runs `work` as `write` does, locks and repetitions included, and takes all of it back. `after_commit` is not called."""
        return await self._finished(self._write(work, keep=False))

    async def _finished(self, writing: Coroutine[Any, Any, T]) -> T:
        """What it returns, run to its end even if nobody waits for it any more."""
        task = asyncio.ensure_future(writing)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def read(self, work: Work[T]) -> T:
        """Runs `work` on a connection of the readers' pool, in a transaction that is rolled back."""
        async with self._reader.connect() as connection:
            return await work(connection)

    async def close(self) -> None:
        """Waits for writes under way, then closes every connection."""
        if self._running:
            await asyncio.wait(self._running)
        await self._writer.dispose()
        if self._reader is not self._writer:
            await self._reader.dispose()

    async def _write(self, work: Work[T], *, keep: bool) -> T:
        for attempt in range(1, _tries):
            try:
                return await self._write_once(work, keep=keep)
            except (DBAPIError, ConcurrentChange) as error:
                if isinstance(error, DBAPIError) and sqlstate(error) not in RETRIED:
                    raise
                await asyncio.sleep(_backoff.delay(attempt, random.random()).total_seconds())  # noqa: S311 (jitter)
        return await self._write_once(work, keep=keep)

    async def _write_once(self, work: Work[T], *, keep: bool) -> T:
        async with self._writer.connect() as connection:
            result = await work(connection)
            if keep:
                reached(Step.WORK_DONE)
                await _commit(connection)
        if keep:
            reached(Step.COMMITTED)
            self._after_commit()
        return result


async def _commit(connection: AsyncConnection) -> None:
    try:
        await connection.commit()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise OutcomeUnknown from error
        raise


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five-character code of what went wrong, however wrapped; None on SQLite and for anything else."""
    code = getattr(getattr(error, "orig", error), "sqlstate", None)
    return str(code) if code else None


def is_outage(error: BaseException) -> bool:
    """Whether the database, rather than what was asked of it, is at fault: worth trying again later."""
    if isinstance(error, OutcomeUnknown | ConcurrentChange | OSError | PoolTimeout):
        return True
    code = sqlstate(error) or ""
    if code[:2] in {"08", "53", "57"} or code == LOCK_TIMEOUT:
        return True
    return isinstance(error, DBAPIError) and (error.connection_invalidated or _sqlite_busy(error))


def driver_url(url: str) -> str:
    """`sqlite:///…` and `postgresql://…`, as users write them, with the driver we use. Raises ValueError for any other."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ValueError("not a database URL; write sqlite:///file or postgresql://user@host/name") from None
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
    backend = parsed.drivername.partition("+")[0]
    if backend not in drivers:
        raise ValueError(f"only sqlite:/// and postgresql:// are supported, not {parsed.drivername}://")
    if backend == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ValueError("SQLite needs a file, and this URL names none: several connections have to share it")
    return parsed.set(drivername=drivers[backend]).render_as_string(hide_password=False)


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL, None for any other database."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.drivername.startswith("sqlite") and parsed.database else None


@contextmanager
def exclusive(url: str) -> Iterator[None]:
    """Holds a SQLite file for this process alone, by a lock that the kernel lifts when the process dies, however it dies.

    Raises RuntimeError if another process holds it. Does nothing for PostgreSQL.
    """
    file = sqlite_file(url)
    if file is None:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeError(f"another process is using {file}; SQLite serves one process") from error
        yield


@asynccontextmanager
async def opened(database: Database) -> AsyncIterator[Database]:
    try:
        yield database
    finally:
        await database.close()


def _sqlite_busy(error: DBAPIError) -> bool:
    return isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig)


def _postgres_engines(url: str) -> tuple[AsyncEngine, AsyncEngine]:
    engine = create_async_engine(
        driver_url(url),
        pool_size=10,
        max_overflow=10,
        pool_timeout=5,
        pool_pre_ping=True,
        connect_args={
            "server_settings": {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s", "timezone": "UTC"}
        },
    )
    return engine, engine


def _sqlite_engines(url: str) -> tuple[AsyncEngine, AsyncEngine]:
    file = sqlite_file(url)
    if file is None:
        raise ValueError(f"SQLite needs a file, and {url!r} names none")
    file.parent.mkdir(parents=True, exist_ok=True)
    writer = create_async_engine(driver_url(url), pool_size=1, max_overflow=0, pool_timeout=60)
    reader = create_async_engine(driver_url(url), pool_size=4, max_overflow=4)
    for engine, begin in ((writer, "BEGIN IMMEDIATE"), (reader, "BEGIN")):
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", lambda connection, sql=begin: connection.exec_driver_sql(sql))
    return writer, reader


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """A commit survives a power cut (FULL with WAL, EXTRA without), and our BEGIN replaces the driver's own."""
    connection.isolation_level = None
    safe_wal = sqlite3.sqlite_version_info >= WAL_RESET_FIXED
    journal = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL")
    rollback = ("PRAGMA journal_mode=TRUNCATE", "PRAGMA synchronous=EXTRA")
    cursor = connection.cursor()
    for pragma in ("PRAGMA busy_timeout=30000", "PRAGMA foreign_keys=ON", *(journal if safe_wal else rollback)):
        cursor.execute(pragma)
    cursor.close()
