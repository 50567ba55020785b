"""Every instrument of the service, on an injected registry. Labels come from closed sets: jurisdictions, enums, topics."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.notifier.aside_metrics import AsideFactMetrics, AsideStateMetrics
from services.notifier.clock_metrics import SECONDS, ClockFactMetrics, ClockStateMetrics
from services.notifier.digest_metrics import DigestFactMetrics, DigestStateMetrics
from services.notifier.domain.enforcement import COUNTED
from services.notifier.domain.facts import (
    Contradicted,
    Corrected,
    DigestFact,
    EffectFact,
    Fact,
    HoleFound,
    LaneFact,
    ReleasedUnilaterally,
    ReportIgnored,
    Reverted,
    RevisionHoleFound,
    SetAside,
    TookEffect,
    WentOverdue,
)
from services.notifier.lane_metrics import LaneFactMetrics, LaneStateMetrics
from services.notifier.outbox import RELAY_TABLES
from services.notifier.store import deliveries, holes
from services.notifier.store.figures import Figures, figures
from shared.clock import Clock
from shared.db import Database
from shared.logs import get_logger
from shared.outbox.metrics import BacklogMetrics

log = get_logger(__name__)

Lag = Callable[[], Mapping[str, float]]
"""How far behind each topic is, in seconds."""


class FactMetrics:
    """What handlers found, counted and logged after their commit. Logs name ids and keys' jurisdictions, never a target."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "geowithhold_time_to_enforce_seconds",
            "From a withholding's effect to its first application at a point.",
            ["jurisdiction", "change"],
            buckets=SECONDS,
            registry=registry,
        )
        self._clocks = ClockFactMetrics(registry)
        self._lanes = LaneFactMetrics(registry)
        self._holes = {
            HoleFound: Counter(
                "geowithhold_version_holes", "Times that versions of a key were found missing.", registry=registry
            ),
            RevisionHoleFound: Counter(
                "geowithhold_revision_holes", "Times that events of a directive were found missing.", registry=registry
            ),
        }
        self._aside = AsideFactMetrics(registry)
        self._digests = DigestFactMetrics(registry)
        self._ignored = Counter(
            "geowithhold_reports_ignored", "Reports of enforcement points that changed nothing.", ["reason"], registry=registry
        )
        self._overdue = Counter(
            "geowithhold_answers_overdue", "Versions that a point did not answer in time.", ["jurisdiction"], registry=registry
        )
        self._reverted = Counter(
            "geowithhold_enforcements_reverted",
            "Times that a point undid a present version that it had applied.",
            ["jurisdiction"],
            registry=registry,
        )

    def tell(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            if isinstance(fact, LaneFact):
                self._lanes.tell(fact)
            elif isinstance(fact, DigestFact):
                self._digests.tell(fact)
            else:
                self._tell(fact)

    def _tell(self, fact: EffectFact) -> None:
        match fact:
            case TookEffect():
                self._seconds.labels(fact.jurisdiction, fact.change).observe(fact.seconds)
            case WentOverdue():
                self._overdue.labels(fact.enforcement.key.jurisdiction).inc()
            case Reverted():
                self._reverted.labels(fact.enforcement.key.jurisdiction).inc()
                log.error("enforcement_reverted", point=fact.enforcement.point, jurisdiction=fact.enforcement.key.jurisdiction)
            case ReleasedUnilaterally():
                log.warning("released_unilaterally", directive=fact.directive.id, items=fact.items)
            case ReportIgnored():
                self._ignored.labels(fact.reason).inc()
            case HoleFound() | RevisionHoleFound():
                self._holes[type(fact)].inc()
            case Contradicted() | Corrected() | SetAside():
                self._aside.tell(fact)
            case other:
                self._clocks.tell(other)


class StateMetrics:
    """What stands in the database, and how far behind the consumer is, read when somebody scrapes."""

    def __init__(
        self, registry: CollectorRegistry, database: Database, clock: Clock, lag: Callable[[], Mapping[str, float]]
    ) -> None:
        self._database = database
        self._backlog = BacklogMetrics(registry, database, RELAY_TABLES, clock)
        self._clocks = ClockStateMetrics(registry, database, clock)
        self._lanes = LaneStateMetrics(registry, database, clock)
        self._lag = lag
        self._behind = Gauge(
            "geowithhold_consumer_lag_seconds",
            "Age of the oldest record that has been come to and not passed; 0 when caught up.",
            ["topic"],
            registry=registry,
        )
        self._enforcements = Gauge(
            "geowithhold_enforcements",
            "Present versions at the points that have to apply them, by state.",
            ["jurisdiction", "state"],
            registry=registry,
        )
        self._unilateral = Gauge(
            "geowithhold_unilateral_releases",
            "Versions that the platform released on its own decision.",
            ["jurisdiction"],
            registry=registry,
        )
        self._deliveries = Gauge("geowithhold_deliveries_waiting", "Events that wait for their delivery.", registry=registry)
        self._aside = AsideStateMetrics(registry, database)
        self._digests = DigestStateMetrics(registry, database)
        self._incomplete = Gauge(
            "geowithhold_incomplete_histories", "Keys and directives of which something is missing now.", registry=registry
        )

    async def refresh(self) -> None:
        await self._backlog.refresh()
        await self._clocks.refresh()
        await self._lanes.refresh()
        self._deliveries.set(await self._database.read(deliveries.count_unfinished))
        await self._aside.refresh()
        await self._digests.refresh()
        self._incomplete.set(await self._database.read(holes.count))
        for topic, seconds in self._lag().items():
            self._behind.labels(topic).set(seconds)
        self._show(await self._database.read(figures))

    def _show(self, counted: Figures) -> None:
        self._enforcements.clear()
        self._unilateral.clear()
        for place in counted.places:
            self._unilateral.labels(place).set(counted.unilateral_releases[place])
            for state in COUNTED:
                self._enforcements.labels(place, state).set(counted.enforcements[place, state])
