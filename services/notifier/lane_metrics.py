"""The instruments that tell whether anything was lost between the blocklist and us."""

from typing import assert_never

from prometheus_client import CollectorRegistry, Counter

from services.notifier.domain.facts import AnyLaneFact, GapFound, StaleDropped
from shared.logs import get_logger

log = get_logger(__name__)


class LaneFactMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._gaps = Counter(
            "geowithhold_stream_gaps", "Times that events of a partition were found missing.", ["topic"], registry=registry
        )
        self._stale = Counter(
            "geowithhold_stale_records",
            "Records dropped because they belong to a history that a restore ended.",
            ["topic"],
            registry=registry,
        )

    def tell(self, fact: AnyLaneFact) -> None:
        match fact:
            case GapFound():
                self._gaps.labels(fact.topic).inc()
                log.error("events_missing", topic=fact.topic, partition=fact.partition, **fact.gap._asdict())
            case StaleDropped():
                self._stale.labels(fact.topic).inc(fact.records)
                log.error("stale_records_dropped", topic=fact.topic, partition=fact.partition, records=fact.records)
            case other:
                assert_never(other)
