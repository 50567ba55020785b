"""Compaction as Kafka does it: old versions go away for good, and whoever comes new still learns the whole present state."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from geowithhold import EnforcementPoint
from shared.ids import Jurisdiction, Key, Target
from shared.kafka import ensure_topics
from shared.topics import Topics
from tests.apache.services import Client, Services
from tests.support.eventually import eventually
from tools.apache import ApacheKafka, running_apache

pytestmark = pytest.mark.apache

ACCOUNTS = [f"acct_{number}" for number in range(20)]
KEPT, LIFTED = ACCOUNTS[:10], ACCOUNTS[10:]
ROUNDS = 12

EAGER_CLEANER = {"log.cleaner.backoff.ms": "200"}
SOON_COMPACTED = {
    "cleanup.policy": "compact",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "500",
    "segment.ms": "500",
    "min.cleanable.dirty.ratio": "0.01",
    "min.insync.replicas": "1",
}


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    with running_apache(tmp_path_factory.mktemp("kafka"), properties=EAGER_CLEANER) as node:
        yield node


async def make_topics(bootstrap: str, topics: Topics) -> None:
    """The state topic is compacted as soon as it can be, the others are as the contract says."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topics.withholdings, topics.partitions, 1, topic_configs=SOON_COMPACTED)])
    finally:
        await admin.close()
    await ensure_topics(bootstrap, topics.specs())


async def kept_records(bootstrap: str, topics: Topics) -> tuple[list[Any], int]:
    """What is on the state topic, and how many offsets were ever given out there."""
    partitions = [TopicPartition(topics.withholdings, number) for number in range(topics.partitions)]
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[Any] = []
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for batch in (await consumer.getmany(timeout_ms=100)).values():
                found += batch
    return found, sum(ends.values())


async def write_history(blocklist: Client) -> str:
    """Every account is blocked and released twelve times; in the end half of them are blocked. Gives the last directive."""
    for number in range(ROUNDS):
        await blocklist.block(f"round-{number}", *(f"@{account}" for account in ACCOUNTS))
        await blocklist.lift(*(f"@{account}" for account in ACCOUNTS))
        await eventually(blocklist.drained(), within=30)
    last = await blocklist.block("last", *(f"@{account}" for account in KEPT))
    await eventually(blocklist.drained(), within=30)
    return last


def mostly_gone(bootstrap: str, topics: Topics) -> Callable[[], Any]:
    async def check() -> bool:
        found, offsets = await kept_records(bootstrap, topics)
        return len(found) < offsets / 2

    return check


@asynccontextmanager
async def running(point: EnforcementPoint) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(point.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


async def check_new_point(bootstrap: str, topics: Topics) -> None:
    point = EnforcementPoint(name="new", bootstrap=bootstrap, jurisdictions=["IN"], apply=lambda _change: None, topics=topics)
    versions = {account: 2 * ROUNDS + (account in KEPT) for account in ACCOUNTS}
    async with running(point):
        await eventually(lambda: {account: point.view.version(key(account)) for account in ACCOUNTS} == versions, within=30)

    assert {account for account in ACCOUNTS if point.view.is_withheld(f"account:{account}", "IN")} == set(KEPT)


def key(account: str) -> Key:
    return Key(Jurisdiction("IN"), Target(f"account:{account}"))


async def check_new_notifier(services: Services, directive: str) -> None:
    async with services.notifier() as notifier:

        async def whole() -> bool:
            counted = await notifier.get("/v1/jurisdictions/IN")
            assert (counted["withheld"], counted["released"]) == (len(KEPT), len(LIFTED))
            assert await notifier.metric("geowithhold_incomplete_histories") == 0
            assert await notifier.metric("geowithhold_stream_gaps_open") == 0
            return True

        await eventually(whole, within=60)
        compliance = await notifier.get(f"/v1/directives/{directive}/compliance")
        jumped = await notifier.metric("geowithhold_version_holes_total")
        set_aside = await notifier.metric("geowithhold_quarantined")
        alarms = await notifier.metric("geowithhold_checkpoint_mismatches_total")

    assert (compliance["specified"], compliance["withheld"]) == (len(KEPT), len(KEPT))
    assert jumped > 0, "the notifier met no hole: it did not read what was compacted"
    assert (set_aside, alarms) == (0, 0)


async def test_what_was_compacted_away_is_gone_and_whoever_comes_new_knows_all(
    eager: ApacheKafka, tmp_path: Path, topic_prefix: str
) -> None:
    services = Services(tmp_path, eager.bootstrap, Topics(prefix=topic_prefix, partitions=2))
    await make_topics(eager.bootstrap, services.topics)

    async with services.blocklist() as blocklist:
        last = await write_history(blocklist)
        await eventually(mostly_gone(eager.bootstrap, services.topics), within=60)
        records, offsets = await kept_records(eager.bootstrap, services.topics)
        assert offsets == (2 * ROUNDS) * len(ACCOUNTS) + len(KEPT)
        assert len(Counter(record.key for record in records)) == len(ACCOUNTS)

        await check_new_point(eager.bootstrap, services.topics)
        await check_new_notifier(services, last)
