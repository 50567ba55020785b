"""PostgreSQL: how a connection is made, and that none is made to a server which cannot keep what it is given.

Promises
 1. Every wait has an end: for a connection, a lock, a statement, a peer that is gone. The limits are those of `StoreLimits`.
 2. Each new connection asks the server first whether it is fit, and holds on to how it commits, whatever is configured later.
 3. What the URL says goes to the driver as libpq would read it: `sslmode`, `sslrootcert`, several hosts, `target_session_attrs`.
Does not promise: that a server stays fit. One that turns read-only refuses what is written; the rest is asked by `/readyz`.
"""

import socket
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from shared.engines import ANSWER, Engines, StoreLimits, driver_url
from shared.outages import StoreUnfit
from shared.store_checks import SETTINGS, Finding, judge, pooled, unsettled

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

REPORTING = 2
"""Connections of a process for long reports."""

RENEWED = 600
"""Seconds after which a connection is made anew, and the server asked again whether it is fit."""

UNKNOWN_TO_POOLER = "08P01"
"""How PgBouncer refuses the settings of a session, unless it is told to ignore them."""

_HOLD_ON = "SELECT set_config('synchronous_commit', current_setting('synchronous_commit'), false)"


async def connect(url: str, limits: StoreLimits, *, statement: float | None = None) -> Connection:
    """A connection to a server that is fit. Raises StoreUnfit for one that is not, OSError or asyncpg's for one that is away.

    `statement` is how long one statement may take; None lets it take its time.
    """
    connection = await asyncpg.connect(
        dsn(url),
        timeout=limits.connect,
        command_timeout=None if statement is None else statement + ANSWER,
        server_settings=_server_settings(limits, statement),
    )
    try:
        _notice_silence(connection, limits.silence)
        _refuse(judge(await connection.fetch(SETTINGS)))
        await connection.execute(_HOLD_ON)
    except BaseException:
        connection.terminate()
        raise
    return connection


def _refuse(found: Sequence[Finding]) -> None:
    if found:
        raise StoreUnfit("; ".join(map(str, found)))


def _notice_silence(connection: Connection, seconds: float) -> None:
    """From now on a peer that is gone is noticed within so many seconds, also in the middle of a wait."""
    peer = connection._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # noqa: SLF001 (there is no public way)
    if peer.family == socket.AF_UNIX:
        return
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _silence(seconds).items():
        peer.setsockopt(socket.IPPROTO_TCP, option, value)


async def find_faults(url: str, limits: StoreLimits) -> list[Finding]:
    """What is wrong with the server, poolers included. Raises OSError or asyncpg's errors for a server that is away.

    A transaction pooler is proven by handing two clients the same session. One that is busy then is not found out.
    """
    first = await asyncpg.connect(dsn(url), timeout=limits.connect)
    try:
        return [*judge(await first.fetch(SETTINGS)), *await _pooler(first, url, limits)]
    finally:
        first.terminate()


async def _pooler(first: Connection, url: str, limits: StoreLimits) -> list[Finding]:
    """What stands between us and a session of our own, if anything does."""
    try:
        second = await asyncpg.connect(dsn(url), timeout=limits.connect, server_settings=_server_settings(limits, None))
    except asyncpg.PostgresError as error:
        if error.sqlstate == UNKNOWN_TO_POOLER:
            return [unsettled()]
        raise
    try:
        shared = await second.fetchval("SELECT pg_backend_pid()") == await first.fetchval("SELECT pg_backend_pid()")
        patience = await second.fetchval("SELECT setting FROM pg_settings WHERE name = 'lock_timeout'")
    finally:
        second.terminate()
    return [pooled()] * shared + [unsettled()] * (patience != str(int(limits.lock * 1000)))


def dsn(url: str) -> str:
    """The URL as it was written, for libpq or whoever reads it as libpq does, whatever driver it names."""
    return "postgresql" + url[url.index("://") :]


def postgres_engines(url: str, limits: StoreLimits) -> Engines:
    """Probes get a new connection each, so that what they see is the server as it is now."""
    main = _engine(url, limits, connections=limits.connections, statement=limits.statement)
    creator = partial(connect, url, limits, statement=limits.connect)
    return Engines(
        writer=main,
        reader=main,
        reports=_engine(url, limits, connections=REPORTING, statement=limits.report),
        probe=create_async_engine(driver_url(url), async_creator=creator, poolclass=NullPool),
    )


def _engine(url: str, limits: StoreLimits, *, connections: int, statement: float) -> AsyncEngine:
    return create_async_engine(
        driver_url(url),
        async_creator=partial(connect, url, limits, statement=statement),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=limits.wait,
        pool_recycle=RENEWED,
        pool_pre_ping=True,
    )


def _server_settings(limits: StoreLimits, statement: float | None) -> dict[str, str]:
    """What the server is asked to keep to. It, too, is to notice soon that a client is gone, and to free its locks."""
    seconds = {
        "lock_timeout": limits.lock,
        "statement_timeout": statement or 0,
        "idle_in_transaction_session_timeout": limits.idle,
        "tcp_user_timeout": limits.silence,
        "client_connection_check_interval": limits.silence,
    }
    keepalives = {"tcp_keepalives_idle": str(int(limits.silence)), "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
    return {name: f"{int(value * 1000)}ms" for name, value in seconds.items()} | keepalives | {"timezone": "UTC"}


def _silence(seconds: float) -> dict[int, int]:
    """Options of TCP, as far as this system has them."""
    wanted = {"TCP_KEEPIDLE": int(seconds), "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": int(seconds * 1000)}
    return {getattr(socket, name): value for name, value in wanted.items() if hasattr(socket, name)}
