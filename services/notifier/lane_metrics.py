"""The instruments that tell whether anything was lost between the blocklist and us."""

from typing import assert_never

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.notifier.domain.facts import (
    AnyLaneFact,
    CheckpointDiffered,
    EpochBegan,
    GapFound,
    GapPurged,
    OffsetLost,
    StaleDropped,
)
from services.notifier.store import checkpoints, gaps
from shared.clock import Clock
from shared.db import Database
from shared.logs import get_logger

log = get_logger(__name__)


class LaneFactMetrics:
    """Each such fact is worth somebody's attention, so each is logged as an error."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str) -> Counter:
            return Counter(name, text, ["topic"], registry=registry)

        self._gaps = counter("geowithhold_stream_gaps", "Times that events of a partition were found missing.")
        self._stale = counter("geowithhold_stale_epoch", "Records dropped as of a history that a restore ended.")
        self._epochs = counter("geowithhold_epochs_begun", "Times that a partition went on under a new epoch, after a restore.")
        self._purged = counter("geowithhold_stream_gaps_purged", "Times that missing events were gone from the source, too.")
        self._differed = counter("geowithhold_checkpoint_mismatches", "Times that what came was not what was sent.")
        self._offsets = counter("geowithhold_offsets_lost", "Times that Kafka did not have the records that come next.")

    def tell(self, fact: AnyLaneFact) -> None:
        place = {"topic": fact.topic, "partition": fact.partition}
        match fact:
            case GapFound():
                self._gaps.labels(fact.topic).inc()
                log.error("events_missing", **place, **fact.gap._asdict())
            case StaleDropped():
                self._stale.labels(fact.topic).inc(fact.records)
                log.error("stale_records_dropped", records=fact.records, **place)
            case EpochBegan():
                self._epochs.labels(fact.topic).inc()
                log.error("epoch_began", epoch=fact.epoch, **place)
            case GapPurged():
                self._purged.labels(fact.topic).inc()
                log.error("missing_events_purged", **place, **fact.gap._asdict())
            case CheckpointDiffered():
                self._differed.labels(fact.topic).inc()
                log.error("checkpoint_differs", sequence=fact.sequence, again=fact.again, **place)
            case OffsetLost():
                self._offsets.labels(fact.topic).inc()
                log.error("offset_lost", offset=fact.offset, **place)
            case other:
                assert_never(other)


class ConsumerMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._restarts = Counter(
            "geowithhold_consumer_restarts", "Times that a consumer had stalled and was built anew.", registry=registry
        )

    def restarted(self) -> None:
        self._restarts.inc()


class LaneStateMetrics:
    """What is missing now, and how long ago each topic was last known to be whole."""

    def __init__(self, registry: CollectorRegistry, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._missing = Gauge(
            "geowithhold_stream_gaps_open",
            "Ranges of events that are missing now: waiting to be fetched, or purged from the source.",
            ["topic", "state"],
            registry=registry,
        )
        self._age = Gauge(
            "geowithhold_checkpoint_age_seconds",
            "Time since the partition that was longest ago was last found to be as it was sent.",
            ["topic"],
            registry=registry,
        )

    async def refresh(self) -> None:
        now = self._clock()
        self._missing.clear()
        for (topic, state), number in (await self._database.read(gaps.count)).items():
            self._missing.labels(topic, state).set(number)
        for topic, since in (await self._database.read(checkpoints.oldest)).items():
            self._age.labels(topic).set(max(0.0, (now - since).total_seconds()))
