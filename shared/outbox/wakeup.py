"""On PostgreSQL commits of other processes wake whoever listens, and work that one process at a time may do has a lead.

Promises: whoever is inside `leading` holds the work's advisory lock, which the server lifts when the connection ends, however it
ends. Leaving early, or a lost connection, sets `lost`.
Does not promise: that nobody else works between the loss of a connection and its being noticed, or that a wake-up is not lost.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from shared.engines import StoreLimits
from shared.logs import get_logger
from shared.outbox.table import CHANNEL
from shared.postgres import connect
from shared.tasks import Body, first_of, running

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """Work that one process at a time does: `number` means it among the advisory locks of its database, `channel` may wake it."""

    name: str
    number: int
    channel: str | None = CHANNEL


WITHOUT_END = StoreLimits(lock=0)
"""Who waits to lead, or to be told of something, waits for as long as it takes."""


async def listen(stop: asyncio.Event, *, url: str, channels: Mapping[str, asyncio.Event]) -> None:
    """Sets a channel's event whenever something is told on it, until told to stop; and at the start, for what was missed.

    Raises ConnectionError when its connection ends; whoever runs it runs it again.
    """
    lost = asyncio.Event()
    connection = await connect(url, WITHOUT_END)
    connection.add_termination_listener(lambda *_: lost.set())
    try:
        for channel, told in channels.items():
            await connection.add_listener(channel, lambda *_, told=told: told.set())
            told.set()
        await first_of(stop, lost)
    finally:
        connection.terminate()
    if not stop.is_set():
        raise ConnectionError("the database ended the connection that listens")


async def work_while_leading(lead: Lead, body: Body, *, url: str, wake: asyncio.Event, stop: asyncio.Event) -> None:
    """Runs `body` whenever this process leads, until told to stop. Raises what the wait for the lead raises."""
    while not stop.is_set():
        lost = asyncio.Event()
        async with leading(lead, url, wake=wake, lost=lost, stop=stop) as leads:
            if leads:
                log.info("leads", work=lead.name)
                async with running(lead.name, body):
                    await first_of(stop, lost)


@asynccontextmanager
async def leading(lead: Lead, url: str, *, wake: asyncio.Event, lost: asyncio.Event, stop: asyncio.Event) -> AsyncIterator[bool]:
    """Waits to be the one who works, then listens: each commit that queued something sets `wake`.

    Gives False if `stop` came first.
    """
    connection = await connect(url, WITHOUT_END)
    connection.add_termination_listener(lambda *_: lost.set())
    try:
        leads = await _locked(connection, lead.number, stop)
        if leads and lead.channel:
            await connection.add_listener(lead.channel, lambda *_: wake.set())
        yield leads
    finally:
        lost.set()
        connection.terminate()


async def _locked(connection: "asyncpg.Connection[asyncpg.Record]", number: int, stop: asyncio.Event) -> bool:
    """Waits for the lock as long as nobody says stop. Raises what the wait raises when the connection breaks."""
    waiting = asyncio.create_task(connection.execute("SELECT pg_advisory_lock($1)", number))
    stopped = asyncio.create_task(stop.wait())
    done, pending = await asyncio.wait([waiting, stopped], return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if waiting not in done:
        return False
    await waiting
    return True
