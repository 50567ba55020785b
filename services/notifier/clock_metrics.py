"""The instruments of clocks."""

from typing import assert_never

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from services.notifier.domain.clocks import Duty
from services.notifier.domain.facts import (
    AnyClockFact,
    ClockBreached,
    ClockExtended,
    ClockMet,
    ClockPaused,
    ClockResumed,
    ClockStarted,
    ClockWarned,
)
from services.notifier.store.agenda import tally
from shared.clock import Clock
from shared.db import Database
from shared.logs import get_logger

log = get_logger(__name__)

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400)

_TIMED = {
    Duty.ACK: (
        "geowithhold_time_to_acknowledge_seconds",
        "From the start of the time to acknowledge a directive to the first reply.",
    ),
    Duty.RELEASE: (
        "geowithhold_time_to_release_seconds",
        "From the act that ended claims to the last application of the releases at a point.",
    ),
}


class ClockFactMetrics:
    """What became of clocks, counted in each jurisdiction of their directive."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._breaches = Counter(
            "geowithhold_deadline_breaches",
            "Verified duties whose time ran out unmet, in each jurisdiction of their directive.",
            ["jurisdiction", "legal_basis"],
            registry=registry,
        )
        self._warnings = Counter(
            "geowithhold_clock_warnings",
            "Verified duties of which so much of the time was gone unmet, in each jurisdiction of their directive.",
            ["jurisdiction", "legal_basis", "percent"],
            registry=registry,
        )
        self._times = {
            duty: Histogram(name, text, ["jurisdiction"], buckets=SECONDS, registry=registry)
            for duty, (name, text) in _TIMED.items()
        }

    def tell(self, fact: AnyClockFact) -> None:
        match fact:
            case ClockBreached():
                log.warning("clock_breached", directive=fact.directive.id, duty=fact.clock.duty)
                for place in fact.directive.jurisdictions:
                    self._breaches.labels(place, fact.directive.legal_basis).inc()
            case ClockWarned():
                for place in fact.directive.jurisdictions:
                    self._warnings.labels(place, fact.directive.legal_basis, str(fact.clock.warned)).inc()
            case ClockMet():
                self._met(fact)
            case ClockStarted() | ClockPaused() | ClockResumed() | ClockExtended():
                pass
            case other:
                assert_never(other)

    def _met(self, fact: ClockMet) -> None:
        clock, times = fact.clock, self._times.get(fact.clock.duty)
        if times is not None and clock.met_at is not None:
            for place in fact.directive.jurisdictions:
                times.labels(place).observe((clock.met_at - clock.starts_at).total_seconds())


class ClockStateMetrics:
    """How the open clocks stand, read when somebody scrapes."""

    def __init__(self, registry: CollectorRegistry, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._open = Gauge(
            "geowithhold_clocks",
            "Clocks that are running, paused, or breached and unmet, verified or not.",
            ["jurisdiction", "duty", "state"],
            registry=registry,
        )
        self._soon = Gauge(
            "geowithhold_clocks_due_within",
            "Verified duties whose time runs out within so long; overdue are those breached and unmet.",
            ["jurisdiction", "within"],
            registry=registry,
        )

    async def refresh(self) -> None:
        counted = await self._database.read(lambda connection: tally(connection, self._clock()))
        for gauge, numbers in ((self._open, counted.states), (self._soon, counted.due_within)):
            gauge.clear()
            for labels, number in numbers.items():
                gauge.labels(*labels).set(number)
