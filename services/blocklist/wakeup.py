"""On PostgreSQL the relay is a process of its own: one at a time works, and commits elsewhere wake it.

Promises: whoever is inside `leading` holds the relay's advisory lock, which the server lifts when the connection ends, however it
ends. Leaving early, or a lost connection, sets `lost`.
Does not promise: that nobody else works between the loss of a connection and its being noticed. Two relays only cost duplicates.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.engine import make_url

from services.blocklist.outbox import CHANNEL

RELAY_LOCK = 0x67776872
"""An arbitrary number that means «the relay» among advisory locks of this database."""


@asynccontextmanager
async def leading(url: str, *, wake: asyncio.Event, lost: asyncio.Event, stop: asyncio.Event) -> AsyncIterator[bool]:
    """Waits to be the one relay, then listens: each commit that queued something sets `wake`.

    Gives False if `stop` came first.
    """
    connection = await _connect(url)
    connection.add_termination_listener(lambda *_: lost.set())
    try:
        leads = await _locked(connection, stop)
        if leads:
            await connection.add_listener(CHANNEL, lambda *_: wake.set())
        yield leads
    finally:
        lost.set()
        connection.terminate()


async def _locked(connection: "asyncpg.Connection[asyncpg.Record]", stop: asyncio.Event) -> bool:
    """Waits for the lock as long as nobody says stop. Raises what the wait raises when the connection breaks."""
    waiting = asyncio.create_task(connection.execute("SELECT pg_advisory_lock($1)", RELAY_LOCK))
    stopped = asyncio.create_task(stop.wait())
    done, pending = await asyncio.wait([waiting, stopped], return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if waiting not in done:
        return False
    await waiting
    return True


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    parsed = make_url(url)
    host = parsed.query.get("host", parsed.host)
    return await asyncpg.connect(
        host=str(host) if host else None,
        port=parsed.port,
        user=parsed.username,
        password=parsed.password,
        database=parsed.database,
    )
