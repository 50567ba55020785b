"""The relay takes what the outbox holds to Kafka.

Promises
 1. Every row is published at least once, and each lane in order: a row is sent only after all rows before it in its lane were
    acknowledged.
 2. A row is marked only after the broker acknowledged all of its events. Anything else, a timeout above all, is an unknown
    outcome: nothing is marked, the publisher is discarded, the rows are read and sent again with the same event ids.
 3. Nothing is ever skipped. A row that the broker refuses holds its lane, loudly, until somebody removes the cause.
 4. While `may_publish` says no, nothing is taken up and nothing is lost.
Does not promise: that an event is published once. Readers drop a version that they have seen.
Would break it: reading rows by `id > last seen` instead of by what is unpublished, marking before the acknowledgement, or two
relays at work on one lane, which would order nothing but costs duplicates.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from enum import Enum

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.backoff import Backoff
from shared.clock import Clock
from shared.db import Database
from shared.logs import get_logger
from shared.outbox.metrics import RelayMetrics
from shared.outbox.publisher import Publisher
from shared.outbox.table import Entry, Lane, Outbox
from shared.tasks import first_of, pause

log = get_logger(__name__)

Permission = Callable[[AsyncConnection], Awaitable[bool]]
"""Asked in every turn whether anything may be published now. What is under way is finished first."""

ROWS_PER_TURN = 8
"""Rows of one lane in one turn: at most this many thousand events in memory."""

POLL = timedelta(milliseconds=500)
"""How long an idle relay waits for a wake-up. A lost one costs this much, never an event."""


RETRY_AT_MOST = timedelta(seconds=2)
"""Longest wait between tries: when an outage ends, each second of it is one more that a release or a block comes late."""


async def always(_connection: AsyncConnection) -> bool:
    return True


class Turn(Enum):
    WORKED = "worked"
    IDLE = "idle"


class Relay:
    def __init__(
        self,
        *,
        database: Database,
        outbox: Outbox,
        publisher: Publisher,
        clock: Clock,
        metrics: RelayMetrics,
        wake: asyncio.Event,
        backoff: Backoff | None = None,
        may_publish: Permission = always,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._publisher = publisher
        self._clock = clock
        self._metrics = metrics
        self._wake = wake
        self._may_publish = may_publish
        self._backoff = backoff or Backoff(cap=RETRY_AT_MOST)

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop; a turn under way is finished first. Errors are retried for ever, and counted."""
        try:
            await self._work_until(stop)
        finally:
            await self._publisher.discard()

    async def _work_until(self, stop: asyncio.Event) -> None:
        failures = 0
        while not stop.is_set():
            self._wake.clear()
            try:
                turn = await self.run_once()
                failures = 0
            except Exception as error:  # noqa: BLE001 (whatever it is, the rows are still there and are sent again)
                failures += 1
                self._metrics.failures.inc()
                log.warning("relay_turn_failed", failures=failures, error=repr(error))
                await pause(stop, self._backoff.delay(failures, random.random()).total_seconds())  # noqa: S311 (jitter)
                continue
            if turn is Turn.IDLE:
                await _wait_for(POLL, stop, self._wake)

    async def run_once(self) -> Turn:
        """Publishes the head of every lane that has one. Raises what went wrong after marking what was acknowledged."""
        lanes = await self._database.read(self._open_lanes)
        if not lanes:
            return Turn.IDLE
        done = await asyncio.gather(*(self._publish_head(lane) for lane in lanes), return_exceptions=True)
        acknowledged = [entry.id for entries in done if not isinstance(entries, BaseException) for entry in entries]
        failed = [error for error in done if isinstance(error, BaseException)]
        try:
            await self._mark(acknowledged)
        finally:
            if failed:
                await self._publisher.discard()
        if failed:
            raise failed[0]
        return Turn.WORKED

    async def _open_lanes(self, connection: AsyncConnection) -> list[Lane]:
        return await self._outbox.waiting_lanes(connection) if await self._may_publish(connection) else []

    async def _publish_head(self, lane: Lane) -> Sequence[Entry]:
        entries = await self._database.read(lambda connection: self._outbox.unpublished(connection, lane, ROWS_PER_TURN))
        await self._publisher.publish(lane, [record for entry in entries for record in entry.records])
        self._metrics.published.labels(lane.topic).inc(sum(len(entry.records) for entry in entries))
        return entries

    async def _mark(self, ids: Sequence[int]) -> None:
        if ids:
            now = self._clock()
            await self._database.write(lambda connection: self._outbox.mark_published(connection, ids, now))


async def _wait_for(limit: timedelta, *events: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(first_of(*events), limit.total_seconds())
