"""What was set aside, and whose state nobody knows because of it: counted as it is found, and shown as it stands."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.notifier.domain.facts import Contradicted, Corrected, SetAside
from services.notifier.store import held, quarantine
from shared.db import Database
from shared.logs import get_logger

log = get_logger(__name__)


class AsideFactMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._contradictions = Counter(
            "geowithhold_contradictions", "Versions that came a second time with other content.", registry=registry
        )
        self._corrections = Counter(
            "geowithhold_corrections", "Versions that a restored blocklist tells otherwise than before.", registry=registry
        )
        self._set_aside = Counter("geowithhold_set_aside", "Records set aside with their bytes.", ["topic"], registry=registry)

    def tell(self, fact: Contradicted | Corrected | SetAside) -> None:
        if isinstance(fact, Contradicted):
            self._contradictions.inc()
            log.error("version_contradicted", jurisdiction=fact.key.jurisdiction, version=fact.version)
        elif isinstance(fact, Corrected):
            self._corrections.inc()
            log.warning("version_corrected", jurisdiction=fact.key.jurisdiction, version=fact.version)
        else:
            self._set_aside.labels(fact.topic).inc()
            log.error("record_set_aside", topic=fact.topic, holds=fact.holds, key_known=fact.about is not None)


class AsideStateMetrics:
    def __init__(self, registry: CollectorRegistry, database: Database) -> None:
        self._database = database
        self._quarantined = Gauge(
            "geowithhold_quarantined", "Records set aside with their bytes, and not done with.", registry=registry
        )
        self._keys = Gauge(
            "geowithhold_held_keys",
            "Keys of which nobody knows how they stand, because of a record that could not be understood.",
            ["jurisdiction"],
            registry=registry,
        )
        self._directives = Gauge(
            "geowithhold_held_directives", "Directives of which a record could not be understood.", registry=registry
        )

    async def refresh(self) -> None:
        self._quarantined.set(await self._database.read(quarantine.count))
        self._directives.set(await self._database.read(held.count_directives))
        self._keys.clear()
        for place, number in (await self._database.read(held.count_keys)).items():
            self._keys.labels(place).set(number)
