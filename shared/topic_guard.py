"""Makes the topics that are missing, and holds the others to the contract, before anything is published or read.

Promises: `ensure` raises before the first record if a topic is such that keys would move, or in strict mode if anything about it
is wrong; what is tolerated is loud: a warning, a metric, a word in the readiness report.
Does not promise: that a broker which cannot be reached delays the start. Whoever needs the topics asks again.
"""

import asyncio
import sys

from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry, Gauge

from shared.http.readiness import Said
from shared.kafka import made_topics
from shared.logs import get_logger
from shared.settings import CommonSettings
from shared.topic_check import TopicMismatch, TopicReport, check

log = get_logger(__name__)

ASKED_WITHIN = 10.0
"""Seconds that a start waits for what the broker says of its topics."""


class TopicGuard:
    """One for each process: what it found last is what the process tells of its topics."""

    def __init__(self, settings: CommonSettings, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._report: TopicReport | None = None
        self._mismatches = Gauge(
            "geowithhold_topic_mismatches", "Settings of topics that are not as the contract needs them.", registry=registry
        )

    async def ensure(self) -> None:
        """Raises TopicMismatch with all that is wrong, or KafkaError if the broker does not answer."""
        report = self._report = await topic_report(self._settings)
        self._mismatches.set(len(report.mismatches))
        if report.refused(strict=self._settings.topics_must_be_right):
            raise TopicMismatch(report)
        if report.mismatches or report.unverifiable:
            log.warning("topics_not_as_they_should_be", report=str(report))

    async def said(self) -> Said:
        """For the readiness report. Topics are no reason to send nobody here: what is accepted waits in the outbox."""
        report = self._report
        if report is None:
            return Said(details={"topics": "not checked yet"})
        if report.mismatches:
            wrong = [f"{mismatch.topic}: {mismatch.setting} is {mismatch.found}" for mismatch in report.mismatches]
            return Said(details={"topics": wrong}, degraded="topics are not as the contract needs them")
        return Said(details={"topics": "not verifiable" if report.unverifiable else "as they should be"})


async def topic_report(settings: CommonSettings) -> TopicReport:
    """How the topics are, after the missing ones were made."""
    specs = {spec.name: spec for spec in settings.topics.specs()}
    found = await made_topics(settings.kafka_bootstrap_servers, specs.values())
    return check(specs, found, bootstrap=settings.kafka_bootstrap_servers, floor=settings.topic_floor)


def refuse_wrong_topics(settings: CommonSettings) -> None:
    """Ends the process, with everything that is wrong, before it serves. A broker that is down refuses nothing."""
    try:
        asyncio.run(asyncio.wait_for(TopicGuard(settings, CollectorRegistry()).ensure(), ASKED_WITHIN))
    except TopicMismatch as wrong:
        sys.exit(str(wrong))
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("topics_not_checked", error=repr(error))
