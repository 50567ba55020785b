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
async def leading(url: str, *, wake: asyncio.Event, lost: asyncio.Event) -> AsyncIterator[None]:
    """Waits to be the one relay, then listens: each commit that queued something sets `wake`."""
    connection = await _connect(url)
    connection.add_termination_listener(lambda *_: lost.set())
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", RELAY_LOCK)
        await connection.add_listener(CHANNEL, lambda *_: wake.set())
        yield
    finally:
        lost.set()
        connection.terminate()


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
