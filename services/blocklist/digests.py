"""What the state of each jurisdiction comes to is published from time to time: readers can tell whether theirs is the same.

Promises: every `interval` one digest for each jurisdiction that has keys, all as of one instant `lag` ago, queued in one
transaction. One process at a time does it; a second one only costs digests that say the same.
Does not promise: to count what a transaction longer than `lag` changes; readers wait for a second digest before they believe a
difference.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.outbox import append_digests
from services.blocklist.tables import system, withholding_history, withholdings
from shared.clock import Clock
from shared.db import Database
from shared.digest import Digest
from shared.events import StateDigested
from shared.ids import Jurisdiction
from shared.logs import get_logger
from shared.outbox.wakeup import Lead
from shared.states import Versions, digests_at
from shared.system import find
from shared.tasks import pause
from shared.topics import Topics

log = get_logger(__name__)

DIGESTS = Lead(name="digests", number=0x67776467, channel=None)

VERSIONS = Versions(latest=withholdings, earlier=withholding_history)


class DigestMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.made = Counter("geowithhold_state_digests", "Digests of jurisdictions' states that were queued.", registry=registry)
        self.as_of = Gauge(
            "geowithhold_state_digest_timestamp_seconds", "The instant that the last digests are as of.", registry=registry
        )


class Digests:
    def __init__(
        self,
        *,
        database: Database,
        topics: Topics,
        clock: Clock,
        metrics: DigestMetrics,
        interval: timedelta,
        lag: timedelta,
    ) -> None:
        self._database = database
        self._topics = topics
        self._clock = clock
        self._metrics = metrics
        self._interval = interval
        self._lag = lag

    async def run(self, stop: asyncio.Event) -> None:
        """Makes digests until told to stop. What fails is logged, and tried when the next are due."""
        while not stop.is_set():
            try:
                await self.run_once()
            except Exception as error:  # noqa: BLE001 (the next digests say what these would have said)
                log.warning("digests_failed", error=repr(error))
            await pause(stop, self._interval.total_seconds())

    async def run_once(self) -> int:
        """Answers of how many jurisdictions there was something to say."""
        as_of = self._clock() - self._lag
        found = await digests_at(self._database, VERSIONS, as_of)
        if found:
            await self._database.write(lambda connection: self._append(connection, found, as_of))
            self._metrics.made.inc(len(found))
            self._metrics.as_of.set(as_of.timestamp())
        return len(found)

    async def _append(self, connection: AsyncConnection, found: Mapping[Jurisdiction, Digest], as_of: datetime) -> None:
        now, epoch = self._clock(), (await find(connection, system)).epoch
        made = [
            StateDigested(
                jurisdiction=place,
                epoch=epoch,
                as_of=as_of,
                keys=digest.keys,
                withheld=digest.withheld,
                digest=digest.hex,
                at=now,
            )
            for place, digest in sorted(found.items())
        ]
        await append_digests(connection, self._topics, made, now)
