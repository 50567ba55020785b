"""Every instrument of the service, on an injected registry. Labels come from closed sets: registries, enums, topics."""

from collections.abc import Callable, Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.blocklist import outbox
from services.blocklist.domain.withholding import Withholding
from services.blocklist.store import withholdings
from shared.clock import Clock
from shared.db import Database


class CommandMetrics:
    """What commands did, counted after their commit."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.directives_received = Counter(
            "geowithhold_directives_received",
            "Directives accepted, by each jurisdiction they name.",
            ["jurisdiction", "legal_basis", "kind"],
            registry=registry,
        )
        self.releases = Counter("geowithhold_releases", "Withholdings released.", ["jurisdiction", "cause"], registry=registry)

    def count(self, emitted: Iterable[Withholding]) -> None:
        for version in emitted:
            if version.cause:
                self.releases.labels(version.key.jurisdiction, version.cause).inc()


class RelayMetrics:
    """What the relay did."""

    def __init__(self, registry: CollectorRegistry, topics: Iterable[str] = ()) -> None:
        self.published = Counter(
            "geowithhold_events_published", "Events that the broker acknowledged.", ["topic"], registry=registry
        )
        for topic in topics:
            self.published.labels(topic)
        self.failures = Counter(
            "geowithhold_relay_failures", "Turns of the relay that ended in an error and are tried again.", registry=registry
        )


class StateMetrics:
    """What stands in the database, read when somebody scrapes."""

    def __init__(self, registry: CollectorRegistry, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._withholdings = Gauge(
            "geowithhold_withholdings", "Targets withheld now.", ["jurisdiction", "target_type"], registry=registry
        )
        self._unpublished = Gauge("geowithhold_outbox_unpublished", "Events that wait to be published.", registry=registry)
        self._oldest = Gauge(
            "geowithhold_outbox_oldest_seconds", "How long the oldest unpublished event has waited.", registry=registry
        )

    async def refresh(self) -> None:
        counted = await self._database.read(withholdings.counts)
        waiting, oldest = await self._database.read(outbox.backlog)
        self._withholdings.clear()
        for (place, target_type), count in counted.items():
            self._withholdings.labels(place, target_type).set(count)
        self._unpublished.set(waiting)
        self._oldest.set(_age(oldest, self._clock))


def _age(since: datetime | None, clock: Callable[[], datetime]) -> float:
    return max(0.0, (clock() - since).total_seconds()) if since else 0.0
