"""From a commit to the topic: the relay inside the service on SQLite, and as processes of its own on PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx2
import pytest

from services.blocklist.app import create_relay
from services.blocklist.settings import BlocklistSettings
from shared.engines import StoreLimits
from shared.events import WithholdingChanged, decode
from shared.kafka import ensure_topics
from shared.outbox import relay as relay_module
from shared.outbox.wakeup import Lead, leading, work_while_leading
from shared.postgres import connect
from shared.topic_check import TopicMismatch
from shared.topics import Topics
from tests.support.blocklist import Api, client_of, make_settings, running_api
from tests.support.broker import make_test_broker, read_topic, running_test_broker
from tests.support.builders import order_json
from tests.support.eventually import eventually

WORK = Lead(name="test", number=0x67777465)


async def versions_on(broker: str, prefix: str, count: int) -> list[tuple[str, int]]:
    found = await read_topic(broker, f"{prefix}.withholdings.v1", until=lambda records: len(records) >= count)
    events = [decode(record.value, record.headers).data for record in found]
    return [(event.target, event.version) for event in events if isinstance(event, WithholdingChanged)]


async def sample(client: httpx2.AsyncClient, name: str) -> float:
    """The sum of a metric over its labels."""
    lines = (await client.get("/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def published(client: httpx2.AsyncClient, count: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await sample(client, "geowithhold_events_published_total") >= count

    return check


def of_relay(url: str, broker: str, prefix: str) -> BlocklistSettings:
    return make_settings(url, KAFKA_BOOTSTRAP_SERVERS=broker, GEOWITHHOLD_TOPIC_PREFIX=prefix)


async def release(api: Api, reference: str) -> None:
    await api.post("/v1/releases", {"cause": "error", "targets": [f"@{reference}"], "jurisdictions": ["IN"]})


@pytest.mark.broker
async def test_on_sqlite_the_service_publishes_by_itself(sqlite_database: str, broker: str, topic_prefix: str) -> None:
    async with running_api(sqlite_database, KAFKA_BOOTSTRAP_SERVERS=broker, GEOWITHHOLD_TOPIC_PREFIX=topic_prefix) as api:
        await api.submit(order_json("@a"))
        await release(api, "a")

        assert await versions_on(broker, topic_prefix, 2) == [("account:a", 1), ("account:a", 2)]
        await eventually(published(api.client, 5))
        assert await sample(api.client, "geowithhold_outbox_unpublished") == 0


@pytest.mark.broker
@pytest.mark.fault(14)
async def test_what_was_accepted_while_the_broker_was_down_is_published_when_it_is_back(
    sqlite_database: str, tmp_path_factory: pytest.TempPathFactory, topic_prefix: str
) -> None:
    broker = make_test_broker(tmp_path_factory.mktemp("broker"))
    settings = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "GEOWITHHOLD_TOPIC_PREFIX": topic_prefix}
    async with running_api(sqlite_database, **settings) as api:
        await api.submit(order_json("@a"))
        assert await sample(api.client, "geowithhold_outbox_unpublished") == 3
        assert await sample(api.client, "geowithhold_outbox_oldest_seconds") > 0
        try:
            broker.start()
            assert await versions_on(broker.bootstrap, topic_prefix, 1) == [("account:a", 1)]
        finally:
            broker.stop()


@pytest.mark.broker
async def test_a_commit_wakes_the_relay_through_the_database(
    postgres_database: str, broker: str, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "POLL", timedelta(minutes=1))
    async with (
        running_api(postgres_database) as api,
        client_of(create_relay(of_relay(postgres_database, broker, "test"))) as relay,
    ):
        await api.submit(order_json("@first", reference="first"))
        await eventually(published(relay, 3))

        await api.submit(order_json("@second", reference="second"))

        await eventually(published(relay, 6))


def holds(client: httpx2.AsyncClient, lanes: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await sample(client, "geowithhold_relay_owned_lanes") == lanes

    return check


LANES = 3 * 6
"""Withholdings, directives and checkpoints, of six partitions each."""


@pytest.mark.broker
async def test_relays_share_the_lanes_and_who_ends_leaves_them_to_the_others_at_once(
    postgres_database: str, broker: str, topic_prefix: str
) -> None:
    settings = of_relay(postgres_database, broker, topic_prefix)
    async with running_api(postgres_database, GEOWITHHOLD_TOPIC_PREFIX=topic_prefix) as api:
        first = client_of(create_relay(settings))
        one = await first.__aenter__()
        await eventually(holds(one, LANES))
        async with client_of(create_relay(settings)) as two:
            await eventually(holds(two, LANES // 2))
            assert await sample(one, "geowithhold_relay_owned_lanes") == LANES // 2
            await api.submit(order_json(*(f"@a{number}" for number in range(30))))
            assert len(await versions_on(broker, topic_prefix, 30)) == 30

            await first.__aexit__(None, None, None)

            await eventually(holds(two, LANES), within=5)
            await api.submit(order_json("@late", reference="late"))
            assert ("account:late", 1) in await versions_on(broker, topic_prefix, 31)


@pytest.mark.broker
async def test_a_relay_whose_listening_connection_breaks_listens_again(
    postgres_database: str, broker: str, topic_prefix: str
) -> None:
    async with (
        running_api(postgres_database, GEOWITHHOLD_TOPIC_PREFIX=topic_prefix) as api,
        client_of(create_relay(of_relay(postgres_database, broker, topic_prefix))) as relay,
    ):
        await api.submit(order_json("@a"))
        await eventually(published(relay, 3))
        killer = await connect(postgres_database, StoreLimits())
        listening = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
        assert len(await killer.fetch(listening)) == 1

        await release(api, "a")

        await eventually(published(relay, 6))

        async def listens_again() -> bool:
            return len(await killer.fetch("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")) == 1

        await eventually(listens_again)
        await killer.close()


async def test_who_stands_by_stops_at_once(postgres_database: str) -> None:
    stop, lost = asyncio.Event(), asyncio.Event()

    async def stand_by() -> bool:
        async with leading(WORK, postgres_database, wake=asyncio.Event(), lost=asyncio.Event(), stop=stop) as leads:
            return leads

    async with leading(WORK, postgres_database, wake=asyncio.Event(), lost=lost, stop=asyncio.Event()) as leads:
        standing_by = asyncio.create_task(stand_by())
        stop.set()

        assert (leads, await asyncio.wait_for(standing_by, 5)) == (True, False)
    assert lost.is_set()


async def test_work_that_another_leads_is_not_begun(postgres_database: str) -> None:
    stop, worked = asyncio.Event(), asyncio.Event()

    async def work(_stop: asyncio.Event) -> None:
        worked.set()

    async with leading(WORK, postgres_database, wake=asyncio.Event(), lost=asyncio.Event(), stop=asyncio.Event()):
        waiting = asyncio.create_task(work_while_leading(WORK, work, url=postgres_database, wake=asyncio.Event(), stop=stop))
        await asyncio.sleep(0)
        stop.set()
        await asyncio.wait_for(waiting, 5)

    assert not worked.is_set()


async def test_relays_that_cannot_reach_the_broker_end_as_well(postgres_database: str) -> None:
    relays = [create_relay(make_settings(postgres_database)) for _ in range(2)]

    async with asyncio.timeout(10), client_of(relays[0]), client_of(relays[1]) as standby:
        assert (await standby.get("/livez")).status_code == 200


async def test_a_relay_is_ready_once_its_database_is_migrated(postgres_database: str) -> None:
    relay = create_relay(make_settings(postgres_database))
    async with client_of(relay) as client:
        before = await client.get("/readyz")
        async with running_api(postgres_database):
            after = await client.get("/readyz")

    assert (before.status_code, before.json()["migrations"]) == (503, "run migrate")
    assert (after.status_code, after.json()["ready"]) == (200, True)


@pytest.mark.broker
async def test_topics_are_made_once_and_a_wrong_partition_count_is_refused(broker: str, topic_prefix: str) -> None:
    await ensure_topics(broker, Topics(prefix=topic_prefix, partitions=3).specs())
    await ensure_topics(broker, Topics(prefix=topic_prefix, partitions=3).specs())

    with pytest.raises(TopicMismatch, match=f"{topic_prefix}.withholdings.v1: partitions is 3, wanted 4"):
        await ensure_topics(broker, Topics(prefix=topic_prefix, partitions=4).specs())


@pytest.mark.broker
async def test_nothing_is_published_to_topics_of_another_partition_count(
    sqlite_database: str, topic_prefix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running_test_broker(tmp_path_factory.mktemp("broker")) as broker:
        await ensure_topics(broker.bootstrap, Topics(prefix=topic_prefix, partitions=3).specs())
        settings = {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap, "GEOWITHHOLD_TOPIC_PREFIX": topic_prefix}
        async with running_api(sqlite_database, **settings) as api:
            await api.submit(order_json("@a"))

            assert (await api.client.get("/livez")).status_code == 200
            assert await sample(api.client, "geowithhold_outbox_unpublished") == 3
