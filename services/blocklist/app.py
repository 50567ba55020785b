"""The composition root: the only place that knows which parts there are and how they hold together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from fastapi import Depends, FastAPI
from prometheus_client import CollectorRegistry

from services.blocklist.api import ROUTERS, urgency
from services.blocklist.api.bound import Bound
from services.blocklist.api.context import Services
from services.blocklist.api.seal import hide_sealed
from services.blocklist.commands import Commands
from services.blocklist.digests import DIGESTS, DigestMetrics, Digests
from services.blocklist.expiry import Expiry
from services.blocklist.exports.letters import load_letters
from services.blocklist.metrics import CommandMetrics, StateMetrics
from services.blocklist.outbox import OUTBOX, RELAY_TABLES, SOURCE
from services.blocklist.replaying import Replaying
from services.blocklist.settings import BlocklistSettings
from services.blocklist.store import publishing
from services.blocklist.tables import idempotency, system
from shared.db import Database, opened
from shared.http.admission import AdmissionMetrics
from shared.http.app import Admitting, add_probes, create_http_app
from shared.http.readiness import Check, Said, migrated, readiness
from shared.outbox.backlog import Backlog, published_in_time
from shared.outbox.lane_state import no_lane_halted
from shared.outbox.metrics import RelayMetrics
from shared.outbox.purge import Aged, Purge, PurgeMetrics
from shared.outbox.readers import group_offsets
from shared.outbox.run import relay_to_kafka
from shared.outbox.sql import SqlRelayStore
from shared.outbox.wakeup import work_while_leading
from shared.partition_count import placed_as_stored
from shared.registry import load_registry
from shared.tasks import Body, running
from shared.topic_guard import TopicGuard

PACKAGE = "services.blocklist"
DESCRIPTION = "Accepts government blocking directives, decides, keeps what must be withheld where, and publishes it."


@dataclass(frozen=True, slots=True)
class _Parts:
    """What both processes of the service are made of."""

    settings: BlocklistSettings
    registry: CollectorRegistry
    wake: asyncio.Event
    database: Database
    backlog: Backlog
    guard: TopicGuard

    @property
    def checks(self) -> dict[str, Check]:
        """Kafka's absence does not make the service unready, nor that publishing is stopped: the outbox keeps what waits."""
        return {
            "database": migrated(self.database, PACKAGE),
            "partitions": placed_as_stored(self.database, system, self.settings.partitions),
            "publishing": self.publishing,
            "outbox": published_in_time(self.backlog),
            "lanes": no_lane_halted(self.database, RELAY_TABLES),
        }

    @property
    def relay_checks(self) -> dict[str, Check]:
        """Those of the process that publishes: it knows the topics as well."""
        return {**self.checks, "topics": self.guard.said}

    async def publishing(self) -> Said:
        going = await self.database.look(publishing.may_publish)
        return Said(details={"publishing": "on" if going else "stopped"}, degraded=None if going else "publishing is stopped")

    @property
    def relayed(self) -> tuple[str, ...]:
        """The topics that the relay publishes to."""
        return (*self.settings.topics.published, self.settings.topics.checkpoints)

    async def relay(self, metrics: RelayMetrics, stop: asyncio.Event) -> None:
        """On SQLite the one process that relays, on PostgreSQL one of those that share the work."""
        settings = self.settings
        store = SqlRelayStore(
            self.database,
            RELAY_TABLES,
            settings.topics,
            checkpoints=SOURCE,
            alone=settings.embedded,
            may_publish=publishing.may_publish,
        )
        await relay_to_kafka(
            stop,
            settings=settings,
            client_id="geowithhold-relay",
            store=store,
            outbox=OUTBOX,
            topics=self.relayed,
            guard=self.guard,
            clock=settings.clock,
            metrics=metrics,
            wake=self.wake,
            listen_to=None if settings.embedded else settings.database_url,
        )


def _digesting(parts: _Parts) -> Body:
    """Digests of the states, by one process at a time; on SQLite there is but one."""
    settings = parts.settings
    digests = Digests(
        database=parts.database,
        topics=settings.topics,
        clock=settings.clock,
        metrics=DigestMetrics(parts.registry),
        interval=timedelta(seconds=settings.digest_seconds),
        lag=timedelta(seconds=settings.digest_lag_seconds),
    )
    if settings.embedded:
        return digests.run

    async def lead(stop: asyncio.Event) -> None:
        await work_while_leading(DIGESTS, digests.run, url=settings.database_url, wake=asyncio.Event(), stop=stop)

    return lead


@asynccontextmanager
async def _publishing_by(parts: _Parts, relay: Body, digest: Body, purged: PurgeMetrics) -> AsyncIterator[None]:
    """Everything that has to do with publishing. It ends in the opposite order: what is queued last is still relayed."""
    settings = parts.settings
    replaying = Replaying(database=parts.database, topics=settings.topics, clock=settings.clock, backlog=parts.backlog)
    purge = Purge(
        database=parts.database,
        tables=RELAY_TABLES,
        policy=settings.outbox_policy,
        passed=partial(group_offsets, settings.kafka_bootstrap_servers, settings.topics.notifier_group),
        clock=settings.clock,
        metrics=purged,
        also=[Aged(idempotency.c.key, idempotency.c.created_at, settings.idempotency_keep)],
    )
    async with (
        running("relay", relay),
        running("digests", digest),
        running("replays", replaying.run),
        running("purge", purge.run),
    ):
        yield


def _publishing(parts: _Parts) -> AbstractAsyncContextManager[None]:
    """With its instruments, which are made at once: a process shows them from its start."""
    relay = partial(parts.relay, RelayMetrics(parts.registry, parts.relayed))
    return _publishing_by(parts, relay, _digesting(parts), PurgeMetrics(parts.registry))


def _parts(settings: BlocklistSettings) -> _Parts:
    wake = asyncio.Event()
    database = Database(settings.database_url, limits=settings.store_limits, after_commit=wake.set)
    registry = CollectorRegistry()
    backlog = Backlog(database, OUTBOX, settings.clock)
    return _Parts(settings, registry, wake, database, backlog, TopicGuard(settings, registry))


def create_api(settings: BlocklistSettings) -> FastAPI:
    """The HTTP service; on SQLite with the relay inside, because such a database serves one process."""
    parts = _parts(settings)
    clock, database = settings.clock, parts.database
    metrics = CommandMetrics(parts.registry)
    commands = Commands(database=database, topics=settings.topics, clock=clock, metrics=metrics, limits=settings.limits)
    state = StateMetrics(parts.registry, database, clock)
    publishing = _publishing(parts)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        expiry = Expiry(database=database, commands=commands, clock=clock)
        async with opened(database), running("expiry", expiry.run):
            if not settings.embedded:
                yield
                return
            async with publishing:
                yield

    laws = load_registry()
    admitting = Admitting(rooms=settings.rooms, rules=urgency.rules(laws), metrics=AdmissionMetrics(parts.registry))
    app = create_http_app(
        title="Geowithhold blocklist", description=DESCRIPTION, registry=parts.registry, lifespan=lifespan, admitting=admitting
    )
    app.state.services = Services(
        database=database,
        commands=commands,
        topics=settings.topics,
        registry=laws,
        platform=settings.platform,
        clock=clock,
        metrics=metrics,
        addresses=settings.addresses,
        platform_name=settings.platform_name,
        admin_key=settings.key,
        letters=load_letters(),
        appeals_contact=settings.appeals_contact,
        bound=Bound(parts.backlog, settings.bounds, admitting.metrics),
    )
    ready = readiness(app.state.ending, parts.relay_checks if settings.embedded else parts.checks)
    add_probes(app, registry=parts.registry, readiness=ready, refresh=state.refresh)
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(hide_sealed)])
    return app


def create_relay(settings: BlocklistSettings) -> FastAPI:
    """The relay as a process of its own, on PostgreSQL, with probes and metrics. Any number may run, and share the work."""
    parts = _parts(settings)
    state = StateMetrics(parts.registry, parts.database, settings.clock)
    publishing = _publishing(parts)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with opened(parts.database), publishing:
            yield

    app = create_http_app(title="Geowithhold relay", description=DESCRIPTION, registry=parts.registry, lifespan=lifespan)
    ready = readiness(app.state.ending, parts.relay_checks)
    add_probes(app, registry=parts.registry, readiness=ready, refresh=state.refresh)
    return app
