"""What goes wrong with a database, told apart: what may pass, what was decided, and what nobody knows.

Promises: `is_outage` holds of nothing that the request itself caused. What a COMMIT came to is unknown unless the database said.
"""

import sqlite3

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

RETRIED = frozenset({"40001", "40P01"})
"""SQLSTATEs after which the same transaction may succeed: serialization_failure, deadlock_detected."""

LOCK_TIMEOUT = "55P03"
READ_ONLY = "25006"
UNDECIDED = frozenset({"08007", "40003"})
"""The database itself does not know how the transaction ended."""

_PASSING = frozenset({"08", "28", "3D", "40", "53", "57", "58"})
"""Classes of SQLSTATE: connection, login, no such database, rolled back, out of resources, ended by somebody, input/output."""

_SQLITE_PASSING = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}
)


class ConcurrentChange(Exception):
    """What the work had read is no longer so; run it again."""


class OutcomeUnknown(Exception):
    """The connection broke while committing: the change may or may not be there. `advice` says how to find out."""

    def __init__(self, advice: str | None = None) -> None:
        super().__init__(advice or "")
        self.advice = advice


class StoreUnfit(OSError):
    """There is a database, and it cannot be trusted with what is accepted, or not now."""


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five-character code of what went wrong, however wrapped; None on SQLite and for anything else."""
    code = getattr(getattr(error, "orig", error), "sqlstate", None)
    return str(code) if code else None


def sqlite_code(error: BaseException) -> int | None:
    """SQLite's extended result code; None on PostgreSQL and for anything else."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlite_errorcode", None)


def is_outage(error: BaseException) -> bool:
    """Whether the database, rather than what was asked of it, is at fault: worth trying again later."""
    if isinstance(error, OutcomeUnknown | ConcurrentChange | OSError | PoolTimeout):
        return True
    code = sqlstate(error) or ""
    if code[:2] in _PASSING or code in {LOCK_TIMEOUT, READ_ONLY}:
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return (sqlite_code(error) or 0) & 0xFF in _SQLITE_PASSING
