"""Brokers are killed while the relay publishes: what is accepted meanwhile is published whole and in order once they are back."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from shared.events import WithholdingChanged, decode, position_of
from shared.topics import Topics
from tests.apache.services import Client, Services
from tests.support.broker import read_topic
from tests.support.eventually import eventually
from tools.apache import ApacheCluster, ApacheKafka, running_apache, running_cluster

pytestmark = pytest.mark.apache

ACCOUNTS = [f"@acct_{number}" for number in range(10)]
CALMS_DOWN_WITHIN = 90.0


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ApacheCluster]:
    with running_cluster(tmp_path / "kafka") as running:
        yield running


class Writing:
    """Blocks and lifts the same accounts over and over, until told to stop. `versions`: how often each was changed."""

    def __init__(self, blocklist: Client) -> None:
        self._blocklist = blocklist
        self._stop = asyncio.Event()
        self.versions = 0

    async def run(self) -> None:
        while not self._stop.is_set():
            await self._blocklist.block(f"order-{self.versions}", *ACCOUNTS)
            self.versions += 1
            await self._blocklist.lift(*ACCOUNTS)
            self.versions += 1

    def beyond(self, versions: int) -> Callable[[], bool]:
        return lambda: self.versions > versions

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            self._stop.set()
            await task


async def is_whole_and_in_order(bootstrap: str, topics: Topics, versions: int) -> None:
    """Every version of every account is on the topic; repeats aside, keys and lanes are in order without a hole."""

    def all_there(records: list[Any]) -> bool:
        return len({(record.key, dict(record.headers)["ce_id"]) for record in records}) >= versions * len(ACCOUNTS)

    records = await read_topic(bootstrap, topics.withholdings, until=all_there, within=30)
    keys, lanes = defaultdict(list), defaultdict(list)
    for record in records:
        change, position = decode(record.value, record.headers).data, position_of(record.headers)
        assert isinstance(change, WithholdingChanged)
        assert position is not None
        keys[change.target].append(change.version)
        lanes[record.partition].append(position.sequence)
    assert {target: _first(found) for target, found in keys.items()} == {
        f"account:{name.removeprefix('@')}": list(range(1, versions + 1)) for name in ACCOUNTS
    }
    assert all(_first(found) == list(range(1, max(found) + 1)) for found in lanes.values())


def _first(numbers: list[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


@pytest.mark.fault(14)
async def test_a_broker_killed_while_records_are_published_loses_and_reorders_nothing(tmp_path: Path, topic_prefix: str) -> None:
    with running_apache(tmp_path / "kafka") as node:
        services = Services(tmp_path, node.bootstrap, Topics(prefix=topic_prefix, partitions=2))
        async with services.blocklist() as blocklist:
            writing = Writing(blocklist)
            async with writing.going_on():
                await _publishes_more(blocklist)
                node.kill()
                await eventually(writing.beyond(writing.versions + 4), within=30)
                assert await blocklist.metric("geowithhold_outbox_unpublished") > 0
                await asyncio.to_thread(node.start)
                await _publishes_more(blocklist)
            await eventually(blocklist.drained(), within=CALMS_DOWN_WITHIN)

        await is_whole_and_in_order(node.bootstrap, services.topics, writing.versions)


async def _publishes_more(blocklist: Client) -> None:
    before = await blocklist.metric("geowithhold_events_published_total")

    async def more() -> bool:
        return await blocklist.metric("geowithhold_events_published_total") > before

    await eventually(more, within=CALMS_DOWN_WITHIN)


@pytest.mark.fault(14)
@pytest.mark.fault(18)
async def test_of_three_brokers_one_may_die_and_with_two_dead_publishing_waits(
    cluster: ApacheCluster, tmp_path: Path, topic_prefix: str
) -> None:
    services = Services(tmp_path, cluster.bootstrap, Topics(prefix=topic_prefix, partitions=2, replication=3))
    async with services.blocklist() as blocklist:
        writing = Writing(blocklist)
        async with writing.going_on():
            await _publishes_more(blocklist)
            leader, other = await leading_first(cluster, services.topics)
            leader.kill()
            await eventually(writing.beyond(writing.versions + 2), within=30)
            await _publishes_more(blocklist)

            other.kill()
            await eventually(writing.beyond(writing.versions + 4), within=30)
            assert await blocklist.metric("geowithhold_outbox_unpublished") > 0

            await asyncio.to_thread(start_both, leader, other)
            await _publishes_more(blocklist)
        await eventually(blocklist.drained(), within=CALMS_DOWN_WITHIN)

    await is_whole_and_in_order(cluster.bootstrap, services.topics, writing.versions)


async def leading_first(cluster: ApacheCluster, topics: Topics) -> list[ApacheKafka]:
    """The node that leads the first partition of the state topic, and another one."""
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        ((description,),) = [await admin.describe_topics([topics.withholdings])]
    finally:
        await admin.close()
    leader = min(description["partitions"], key=lambda partition: partition["partition"])["leader"]
    return [cluster.nodes[leader - 1], cluster.nodes[leader % len(cluster.nodes)]]


def start_both(*nodes: ApacheKafka) -> None:
    for node in nodes:
        node.launch()
    for node in nodes:
        node.wait_until_ready()
