"""SQLite: one process, one writer, a journal that is safe for the version found, and an end when the disk fails.

Promises
 1. A commit survives a power cut: FULL with a write-ahead log, EXTRA without, as far as the disk keeps its word.
 2. One connection writes, from BEGIN IMMEDIATE on, so that what a transaction read cannot change under it.
 3. Once an fsync has failed, the process ends: what the kernel then says of those pages is worth nothing, and a second fsync that
    succeeds would be a lie. The next start recovers from the journal.
Does not promise: anything on a network file system, whose locks and fsyncs are not those of a disk.
Would break it: a second process writing the same file (see `exclusive`), `mmap_size`, a copy of the file made while it is used.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.engines import Engines, StoreLimits, driver_url, sqlite_file
from shared.logs import get_logger
from shared.outages import sqlite_code

log = get_logger(__name__)

WAL_RESET_FIXED = (3, 51, 3)
"""First SQLite in which write-ahead logging is safe with several connections; every version since 3.7.0 can corrupt the file."""

LOG_AT_MOST = 64 * 1024 * 1024
"""Bytes to which a write-ahead log is cut back once nobody reads in it any more."""

WRITERS_WAIT = 60.0
"""Seconds. There is one writer, and those who wait for it are no sign of trouble."""

EXIT_STORE_LOST = 74
"""How a process ends whose disk failed it: EX_IOERR."""

_FSYNC_FAILED = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})


def journal() -> tuple[str, str]:
    """The journal mode for the SQLite found, and how thoroughly it is written."""
    return ("WAL", "FULL") if sqlite3.sqlite_version_info >= WAL_RESET_FIXED else ("TRUNCATE", "EXTRA")


def explained() -> dict[str, str]:
    """What a start tells of the journal, and why it is that one."""
    mode, synchronous = journal()
    first = ".".join(map(str, WAL_RESET_FIXED))
    why = f"write-ahead logging is safe from {first} on" if mode == "WAL" else f"write-ahead logging can corrupt before {first}"
    return {"sqlite": sqlite3.sqlite_version, "journal_mode": mode, "synchronous": synchronous, "why": why}


def sqlite_engines(url: str, limits: StoreLimits) -> Engines:
    file = sqlite_file(url)
    if file is None:
        raise ValueError(f"SQLite needs a file, and {url!r} names none")
    file.parent.mkdir(parents=True, exist_ok=True)
    reader = _engine(url, limits, connections=limits.connections, wait=limits.wait, begin="BEGIN")
    return Engines(
        writer=_engine(url, limits, connections=1, wait=WRITERS_WAIT, begin="BEGIN IMMEDIATE"),
        reader=reader,
        reports=reader,
        probe=_engine(url, limits, connections=1, wait=limits.wait, begin="BEGIN"),
    )


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


def end_if_fsync_failed(error: BaseException) -> None:
    """Does not return if the disk could not be made to keep what was written."""
    if sqlite_code(error) in _FSYNC_FAILED:
        log.critical("fsync_failed", error=str(error), what="the process ends; what it did not acknowledge may be gone")
        os._exit(EXIT_STORE_LOST)


def _engine(url: str, limits: StoreLimits, *, connections: int, wait: float, begin: str) -> AsyncEngine:
    """A connection's BEGIN is ours: the driver's own would begin a reader's transaction for a writer."""
    engine = create_async_engine(driver_url(url), pool_size=connections, max_overflow=0, pool_timeout=wait)
    busy = f"PRAGMA busy_timeout={int(limits.lock * 1000)}"
    event.listen(engine.sync_engine, "connect", lambda connection, _record: _prepare(connection, busy))
    event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _prepare(connection: Any, busy: str) -> None:
    connection.isolation_level = None
    mode, synchronous = journal()
    cursor = connection.cursor()
    for pragma in (
        busy,
        "PRAGMA foreign_keys=ON",
        f"PRAGMA journal_mode={mode}",
        f"PRAGMA synchronous={synchronous}",
        f"PRAGMA journal_size_limit={LOG_AT_MOST}",
    ):
        cursor.execute(pragma)
    cursor.close()
