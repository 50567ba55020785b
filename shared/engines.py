"""How long a database may keep somebody waiting, and the connections that a service has to it: one place for both databases."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine

ANSWER = 5.0
"""Seconds beyond a limit of the server's after which one that says nothing counts as gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLimits:
    """Seconds, but for `connections`, which is how many one process has for its work. Two more ask whether the store is fit.

    `wait` is for a free connection, `connect` for a new one, `lock` for a row that somebody holds, `statement` for one statement,
    `report` for one of a long report, `idle` for a transaction that does nothing, `silence` for a peer that acknowledges nothing.
    """

    connections: int = 20
    wait: float = 0.8
    connect: float = 5.0
    lock: float = 10.0
    statement: float = 60.0
    report: float = 300.0
    idle: float = 60.0
    silence: float = 20.0

    @property
    def reading(self) -> float:
        """How long somebody may read: what a reader sees is kept for it, and on SQLite nobody writes, or the log grows."""
        return self.statement + ANSWER

    @property
    def reporting(self) -> float:
        return self.report + ANSWER


DEFAULT_LIMITS = StoreLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Who needs them apart: long reports leave those who write their connections, and probes are answered when all are taken."""

    writer: AsyncEngine
    reader: AsyncEngine
    reports: AsyncEngine
    probe: AsyncEngine

    async def dispose(self) -> None:
        for engine in {self.writer, self.reader, self.reports, self.probe}:
            await engine.dispose()


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
