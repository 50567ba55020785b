"""Whether our state of each jurisdiction is the blocklist's."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.notifier.domain.facts import AnyDigestFact, DigestCompared
from services.notifier.store import digests
from shared.db import Database
from shared.logs import get_logger

log = get_logger(__name__)


class DigestFactMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._matches = Counter(
            "geowithhold_digest_matches",
            "Times that our state of a jurisdiction was the blocklist's.",
            ["jurisdiction"],
            registry=registry,
        )
        self._mismatches = Counter(
            "geowithhold_digest_mismatches",
            "Times that our state of a jurisdiction was not the blocklist's.",
            ["jurisdiction"],
            registry=registry,
        )

    def tell(self, fact: AnyDigestFact) -> None:
        if isinstance(fact, DigestCompared):
            (self._matches if fact.agrees else self._mismatches).labels(fact.jurisdiction).inc()
        else:
            log.error(
                "state_diverged",
                jurisdiction=fact.jurisdiction,
                as_of=fact.as_of.isoformat(),
                keys=fact.told.keys,
                known_keys=fact.own.keys,
                withheld=fact.told.withheld,
                known_withheld=fact.own.withheld,
            )


class DigestStateMetrics:
    def __init__(self, registry: CollectorRegistry, database: Database) -> None:
        self._database = database
        self._diverged = Gauge(
            "geowithhold_diverged_jurisdictions", "Jurisdictions of which our state is not the blocklist's.", registry=registry
        )

    async def refresh(self) -> None:
        self._diverged.set(await self._database.read(digests.count_diverged))
