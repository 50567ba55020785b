"""The instruments of an outbox and its relay, on an injected registry."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.clock import Clock
from shared.db import Database
from shared.outbox.failures import Failure
from shared.outbox.lane_state import LaneMetrics
from shared.outbox.sql.tables import RelayTables


class LeaseChange(StrEnum):
    TAKEN = "taken"
    GIVEN_UP = "given_up"
    LOST = "lost"


class RelayMetrics:
    """What the relay did."""

    def __init__(self, registry: CollectorRegistry, topics: Iterable[str] = ()) -> None:
        self.published = Counter(
            "geowithhold_events_published", "Events that the broker acknowledged.", ["topic"], registry=registry
        )
        for topic in topics:
            self.published.labels(topic)
        self.failures = Counter(
            "geowithhold_relay_failures",
            "Turns of the relay that ended in an error and are tried again.",
            ["kind"],
            registry=registry,
        )
        for failure in Failure:
            self.failures.labels(failure)
        self.lease_changes = Counter(
            "geowithhold_relay_lease_changes", "Lanes that this relay took, gave up, or lost.", ["change"], registry=registry
        )
        for change in LeaseChange:
            self.lease_changes.labels(change)
        self.owned_lanes = Gauge("geowithhold_relay_owned_lanes", "Lanes that this relay works on.", registry=registry)


class BacklogMetrics:
    """What waits in the outbox, and how its lanes stand, read when somebody scrapes."""

    def __init__(self, registry: CollectorRegistry, database: Database, tables: RelayTables, clock: Clock) -> None:
        self._database = database
        self._outbox = tables.outbox
        self._clock = clock
        self._lanes = LaneMetrics(registry, database, tables)
        self._unpublished = Gauge("geowithhold_outbox_unpublished", "Events that wait to be published.", registry=registry)
        self._oldest = Gauge(
            "geowithhold_outbox_oldest_seconds", "How long the oldest unpublished event has waited.", registry=registry
        )

    async def refresh(self) -> None:
        waiting, oldest = await self._database.read(self._outbox.backlog)
        self._unpublished.set(waiting)
        self._oldest.set(_age(oldest, self._clock()))
        await self._lanes.refresh()


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
