"""Records go away before the notifier has read them: it says so, and has everything from the blocklist in the end."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from shared.topics import Topics
from tests.apache.services import Client, Services
from tests.support.eventually import eventually

pytestmark = pytest.mark.apache

ACCOUNTS = [f"@acct_{number}" for number in range(10)]
LIFTED = ACCOUNTS[:4]

Loss = Callable[[AIOKafkaAdminClient, Topics], Awaitable[None]]


async def retention_is_too_short(admin: AIOKafkaAdminClient, topics: Topics) -> None:
    """All case events that are there go away; offsets go on."""
    await admin.delete_records({TopicPartition(topics.directives, 0): RecordsToDelete(-1)})


async def the_topic_is_wiped(admin: AIOKafkaAdminClient, topics: Topics) -> None:
    """Offsets of the state topic begin anew once the relay has made it again."""
    await admin.delete_topics([topics.withholdings])


async def lose(services: Services, loss: Loss) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=services.bootstrap)
    await admin.start()
    try:
        await loss(admin, services.topics)
    finally:
        await admin.close()


def withheld(notifier: Client, count: int) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        assert (await notifier.get("/v1/jurisdictions/IN"))["withheld"] == count
        return True

    return check


def known(notifier: Client, directive: str) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return (await notifier.http.get(f"/v1/directives/{directive}/compliance")).is_success

    return check


@pytest.mark.fault(20)
@pytest.mark.parametrize("loss", [retention_is_too_short, the_topic_is_wiped])
async def test_records_that_are_gone_before_they_were_read_are_missed_and_fetched(
    loss: Loss, broker: str, tmp_path: Path, topic_prefix: str
) -> None:
    services = Services(tmp_path, broker, Topics(prefix=topic_prefix, partitions=1))
    async with services.blocklist() as blocklist:
        directive = await blocklist.block("first", *ACCOUNTS)
        async with services.notifier() as notifier:
            await eventually(withheld(notifier, 10), within=60)
            await eventually(known(notifier, directive), within=60)
        await blocklist.lift(*LIFTED)
        await eventually(blocklist.drained(), within=30)
    await lose(services, loss)

    async with services.blocklist() as blocklist, services.notifier() as notifier:
        await blocklist.block("next", "@later")
        await eventually(withheld(notifier, 7), within=60)

        async def mended() -> bool:
            assert await notifier.metric("geowithhold_offsets_lost_total") > 0
            assert await notifier.metric("geowithhold_stream_gaps_total") > 0
            return await notifier.metric("geowithhold_stream_gaps_open") == 0

        await eventually(mended, within=60)
