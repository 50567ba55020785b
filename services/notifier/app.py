"""The composition root: the only place that knows which parts there are and how they hold together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import httpx2
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.notifier.api import ROUTERS
from services.notifier.api.context import ChannelRules
from services.notifier.auditor import Auditor
from services.notifier.channels import Channels, MailChannel, WebhookChannel
from services.notifier.channels.webhook import make_client
from services.notifier.commands import Commands
from services.notifier.comparer import COMPARER, Comparer
from services.notifier.consumer import Consumer, StoredInbox, StoredPositions, connected, topics_read
from services.notifier.consumer.operator import Operator
from services.notifier.deadlines import Deadlines
from services.notifier.delivery_metrics import DeliveryMetrics
from services.notifier.doubts import certain
from services.notifier.filler import Filler
from services.notifier.healer import Healer
from services.notifier.history import BlocklistHistory
from services.notifier.lane_metrics import ConsumerMetrics
from services.notifier.metrics import FactMetrics, StateMetrics
from services.notifier.outbox import OUTBOX, RELAY_TABLES
from services.notifier.sender import Sender
from services.notifier.settings import NotifierSettings
from services.notifier.tables import system
from shared.db import Database, opened
from shared.http.admission import AdmissionMetrics, Rules
from shared.http.app import Admitting, add_probes, create_http_app
from shared.http.readiness import Check, Said, migrated, readiness
from shared.outbox.backlog import LATE_SECONDS, Backlog, published_in_time
from shared.outbox.lane_state import no_lane_halted
from shared.outbox.metrics import RelayMetrics
from shared.outbox.purge import Purge, PurgeMetrics
from shared.outbox.run import relay_to_kafka
from shared.outbox.sql import SqlRelayStore
from shared.outbox.wakeup import Lead, work_while_leading
from shared.partition_count import placed_as_stored
from shared.registry import load_registry
from shared.tasks import Body, running
from shared.topic_guard import TopicGuard

PACKAGE = "services.notifier"
DESCRIPTION = (
    "Learns what must be withheld from Kafka, tracks what is enforced where, which clocks run, and what exposure follows."
)
HISTORY_TIMEOUT = 10.0

SENDER = Lead(name="sender", number=0x67777364)
"""Two senders at a time would send everything twice."""


def create_app(settings: NotifierSettings) -> FastAPI:
    """The whole service in one process: routes, consumer, healer, deadlines. They stop in the opposite order of their start."""
    metrics, wake = CollectorRegistry(), asyncio.Event()
    clock = settings.clock
    database = Database(settings.database_url, limits=settings.store_limits, after_commit=wake.set)
    commands = Commands(
        database=database,
        registry=load_registry(),
        topics=settings.topics,
        clock=clock,
        metrics=FactMetrics(metrics),
        release_within=settings.release_within,
    )
    guard = TopicGuard(settings, metrics)
    consumer = Consumer(
        connect=partial(connected, settings, StoredPositions(commands), guard),
        inbox=StoredInbox(commands, settings.topics),
        topics=topics_read(settings.topics),
        stall_seconds=settings.stall_seconds,
        stalled=ConsumerMetrics(metrics).restarted,
    )
    publishing = _publishing(settings, database, metrics, wake, guard)
    tries = DeliveryMetrics(metrics)
    deadlines = Deadlines(commands=commands, clock=clock, caught_up=consumer.caught_up)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened(database), _channels(settings) as channels:
            sender = Sender(commands=commands, carry=channels.carry, metrics=tries, attempts=settings.delivery_attempts)
            async with (
                publishing,
                running("sender", partial(_alone, settings, SENDER, sender.run, asyncio.Event())),
                running("deadlines", deadlines.run),
                _made_whole(settings, database, commands) as source,
                running("consumer", consumer.run),
            ):
                app.state.operator = Operator(commands=commands, source=source, topics=settings.topics)
                yield

    admitting = Admitting(rooms=settings.rooms, rules=Rules(), metrics=AdmissionMetrics(metrics))
    app = create_http_app(
        title="Geowithhold notifier", description=DESCRIPTION, registry=metrics, lifespan=lifespan, admitting=admitting
    )
    _tell_routes(app, settings, commands)
    state = StateMetrics(metrics, database, clock, consumer.lag)
    ready = readiness(app.state.ending, _checks(settings, database, consumer, guard))
    add_probes(app, registry=metrics, readiness=ready, refresh=state.refresh)
    for router in ROUTERS:
        app.include_router(router)
    return app


def _tell_routes(app: FastAPI, settings: NotifierSettings, commands: Commands) -> None:
    """What routes ask the application for."""
    app.state.commands = commands
    app.state.platform = settings.reply_as
    app.state.admin_key = settings.key
    app.state.channel_rules = ChannelRules(allow_private=settings.webhooks_allow_private, mail=settings.smtp is not None)


@asynccontextmanager
async def _made_whole(settings: NotifierSettings, database: Database, commands: Commands) -> AsyncIterator[BlocklistHistory]:
    """Whatever did not come by Kafka is noticed, and asked of the blocklist. Several notifiers may do so at a time."""
    async with _blocklist(settings) as client:
        history = BlocklistHistory(client, settings.topics)
        comparer = Comparer(commands=commands, database=database, source=history, topic=settings.topics.withholdings)
        async with (
            running("healer", Healer(commands=commands, source=history).run),
            running("filler", Filler(commands=commands, source=history, topics=settings.topics).run),
            running("auditor", Auditor(commands=commands, topics=settings.topics).run),
            running("comparer", partial(_alone, settings, COMPARER, comparer.run, asyncio.Event())),
        ):
            yield history


def _blocklist(settings: NotifierSettings) -> httpx2.AsyncClient:
    """What is missing of a sealed directive is told to whoever has the key."""
    headers = {"Authorization": f"Bearer {settings.key}"} if settings.key else {}
    return httpx2.AsyncClient(base_url=settings.blocklist_url, timeout=HISTORY_TIMEOUT, headers=headers)


def _publishing(
    settings: NotifierSettings, database: Database, registry: CollectorRegistry, wake: asyncio.Event, guard: TopicGuard
) -> AbstractAsyncContextManager[None]:
    """The relay, and what purges after it. Their instruments are made at once: a process shows them from its start."""
    relay = partial(
        relay_to_kafka,
        settings=settings,
        client_id="geowithhold-notifier-relay",
        store=SqlRelayStore(database, RELAY_TABLES, settings.topics, alone=settings.embedded),
        outbox=OUTBOX,
        topics=(settings.topics.compliance,),
        guard=guard,
        clock=settings.clock,
        metrics=RelayMetrics(registry, [settings.topics.compliance]),
        wake=wake,
        listen_to=None if settings.embedded else settings.database_url,
    )
    purge = Purge(
        database=database,
        tables=RELAY_TABLES,
        policy=settings.outbox_policy,
        passed=None,
        clock=settings.clock,
        metrics=PurgeMetrics(registry),
    )

    @asynccontextmanager
    async def both() -> AsyncIterator[None]:
        async with running("relay", relay), running("purge", purge.run):
            yield

    return both()


@asynccontextmanager
async def _channels(settings: NotifierSettings) -> AsyncIterator[Channels]:
    async with make_client() as client:
        webhooks = WebhookChannel(client, allow_private=settings.webhooks_allow_private)
        yield Channels(webhooks, MailChannel(settings.smtp))


async def _alone(settings: NotifierSettings, lead: Lead, body: Body, wake: asyncio.Event, stop: asyncio.Event) -> None:
    """Work that one notifier at a time does. On SQLite there is but one; on PostgreSQL the others stand by."""
    if settings.embedded:
        await body(stop)
    else:
        await work_while_leading(lead, body, url=settings.database_url, wake=wake, stop=stop)


def _checks(settings: NotifierSettings, database: Database, consumer: Consumer, guard: TopicGuard) -> dict[str, Check]:
    """Ready is who can answer. Kafka's absence does not change that: what is known can be asked for, and how old it is."""

    async def consuming() -> Said:
        lag = consumer.lag()
        behind = f"the oldest record has waited {max(lag.values()):.0f} s" if max(lag.values()) > LATE_SECONDS else None
        return Said(
            details={"consumer": "assigned" if consumer.assigned else "not assigned yet", "lag_seconds": lag},
            degraded=behind if consumer.assigned else "Kafka has not told yet what to read",
        )

    return {
        "database": migrated(database, PACKAGE),
        "consumer": consuming,
        "outbox": published_in_time(Backlog(database, OUTBOX, settings.clock)),
        "lanes": no_lane_halted(database, RELAY_TABLES),
        "quarantine": certain(database),
        "topics": guard.said,
        "partitions": placed_as_stored(database, system, settings.partitions),
    }
