"""The way to another partition count, as `docs/runbooks/change-partition-count.md` tells it, on Apache Kafka."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from shared.topics import Topics
from tests.apache.services import Client, Services
from tests.apache.test_lost_records import withheld
from tests.support.eventually import eventually
from tests.support.processes import run

pytestmark = pytest.mark.apache

ACCOUNTS = [f"@acct_{number}" for number in range(10)]


async def test_everything_is_published_again_under_a_new_prefix_and_count(broker: str, tmp_path: Path, topic_prefix: str) -> None:
    old = Services(tmp_path, broker, Topics(prefix=topic_prefix, partitions=2))
    async with old.blocklist() as blocklist, old.notifier() as notifier:
        await blocklist.block("first", *ACCOUNTS)
        await blocklist.lift(*ACCOUNTS[:3])
        await eventually(withheld(notifier, 7), within=60)
        await eventually(blocklist.drained(), within=30)
        await eventually(notifier.drained(), within=30)

    new = replace(old, topics=Topics(prefix=f"{topic_prefix}-2", partitions=5))
    for name in ("blocklist", "notifier"):
        run(f"services.{name}", "repartition", env=new.env)

    async with new.blocklist() as blocklist, new.notifier() as notifier:
        await blocklist.post("/v1/admin/replays", {"everything": True}, 202)
        await blocklist.block("next", "@later")
        await eventually(withheld(notifier, 8), within=60)
        await eventually(blocklist.drained(), within=60)
        await eventually(whole(notifier), within=60)
        checks = [await ready(service) for service in (blocklist, notifier)]

    assert [check["topics"] for check in checks] == ["as they should be"] * 2


def whole(notifier: Client) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        gaps = await notifier.metric("geowithhold_stream_gaps_open")
        return gaps == 0 and await notifier.metric("geowithhold_incomplete_histories") == 0

    return check


async def ready(service: Client) -> dict[str, str]:
    answer: httpx2.Response = await service.http.get("/readyz")
    report: dict[str, str] = answer.json()
    return report
