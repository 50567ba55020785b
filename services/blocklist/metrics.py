"""Every instrument of the service, on an injected registry. Labels come from closed sets: registries, enums, topics."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.blocklist.domain.withholding import Withholding
from services.blocklist.outbox import RELAY_TABLES
from services.blocklist.store import publishing, withholdings
from shared.clock import Clock
from shared.db import Database
from shared.outbox.metrics import BacklogMetrics


class CommandMetrics:
    """What commands did, counted after their commit."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.directives_received = Counter(
            "geowithhold_directives_received",
            "Directives accepted, by each jurisdiction they name.",
            ["jurisdiction", "legal_basis", "kind"],
            registry=registry,
        )
        self.informal_requests = Counter(
            "geowithhold_informal_requests",
            "Requests that came by another way than the official one, by each jurisdiction they name.",
            ["jurisdiction", "legal_basis"],
            registry=registry,
        )
        self.releases = Counter("geowithhold_releases", "Withholdings released.", ["jurisdiction", "cause"], registry=registry)

    def count(self, emitted: Iterable[Withholding]) -> None:
        for version in emitted:
            if version.cause:
                self.releases.labels(version.key.jurisdiction, version.cause).inc()


class StateMetrics:
    """What stands in the database, read when somebody scrapes."""

    def __init__(self, registry: CollectorRegistry, database: Database, clock: Clock) -> None:
        self._database = database
        self._withheld = Gauge(
            "geowithhold_withheld_keys", "Targets withheld now, each place counted on its own.", registry=registry
        )
        self._backlog = BacklogMetrics(registry, database, RELAY_TABLES, clock)
        self._withholdings = Gauge(
            "geowithhold_withholdings", "Targets withheld now.", ["jurisdiction", "target_type"], registry=registry
        )

        self._stopped = Gauge("geowithhold_publishing_stopped", "1 while publishing is stopped, else 0.", registry=registry)

    async def refresh(self) -> None:
        self._stopped.set(not await self._database.read(publishing.may_publish))
        counted = await self._database.read(withholdings.counts)
        self._withheld.set(sum(counted.values()))
        self._withholdings.clear()
        for (place, target_type), count in counted.items():
            self._withholdings.labels(place, target_type).set(count)
        await self._backlog.refresh()
