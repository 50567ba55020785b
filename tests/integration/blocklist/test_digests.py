"""What the state of each jurisdiction comes to, as it is published."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from services.blocklist.digests import VERSIONS, DigestMetrics, Digests
from services.blocklist.tables import system
from shared.clock import clock_from
from shared.digest import Digest
from shared.events import StateDigested
from shared.states import digests_at
from shared.topics import Topics
from tests.support.blocklist import Api, decoded, queued
from tests.support.builders import order_json
from tests.support.eventually import eventually

EYES = {"approvers": ["asha", "bo"], "memo": "A journalist"}


def of(*keys: tuple[str, int, str]) -> str:
    digest = Digest()
    for key in keys:
        digest.add(*key)
    return digest.hex


@pytest.fixture
async def told(api: Api, set_now: Callable[[str], None]) -> Api:
    """Two keys at midnight, one of them released at six, and another key at noon."""
    set_now("2021-02-01T00:00:00Z")
    await api.submit(order_json("@a", "@b"))
    set_now("2021-02-01T06:00:00Z")
    release = {"cause": "platform_decision", "targets": ["@a"], "jurisdictions": ["IN"], **EYES}
    await api.post("/v1/releases", release)
    set_now("2021-02-01T12:00:00Z")
    await api.submit(order_json("@c", reference="second"))
    return api


@pytest.mark.parametrize("per_page", [1, 2, 2000])
@pytest.mark.parametrize(
    ("at", "keys"),
    [
        ("2021-01-31T00:00:00+00:00", []),
        ("2021-02-01T03:00:00+00:00", [("IN/account:a", 1, "withheld"), ("IN/account:b", 1, "withheld")]),
        ("2021-02-01T09:00:00+00:00", [("IN/account:a", 2, "released"), ("IN/account:b", 1, "withheld")]),
        (
            "2021-02-01T15:00:00+00:00",
            [("IN/account:a", 2, "released"), ("IN/account:b", 1, "withheld"), ("IN/account:c", 1, "withheld")],
        ),
    ],
)
async def test_a_digest_is_of_the_state_at_a_past_moment_whatever_came_since(
    told: Api, at: str, keys: list[Any], per_page: int
) -> None:
    found = await digests_at(told.database, VERSIONS, datetime.fromisoformat(at), per_page=per_page)

    assert {place: digest.hex for place, digest in found.items()} == ({"IN": of(*keys)} if keys else {})


def digests(api: Api, clock_file: Any, metrics: DigestMetrics, *, lag: timedelta = timedelta(hours=9)) -> Digests:
    return Digests(
        database=api.database,
        topics=Topics(prefix="test", partitions=6),
        clock=clock_from(clock_file),
        metrics=metrics,
        interval=timedelta(hours=1),
        lag=lag,
    )


async def published(api: Api) -> list[StateDigested]:
    found = [each.data for each in decoded(await api.database.read(queued))]
    return [each for each in found if isinstance(each, StateDigested)]


async def test_each_jurisdiction_that_has_keys_is_told_of(told: Api, clock_file: Any) -> None:
    await told.submit(order_json("@z", jurisdictions=["IN-PB"], reference="third"))
    registry = CollectorRegistry()
    metrics = DigestMetrics(registry)
    await told.database.write(lambda connection: connection.execute(system.insert().values(id=1, epoch=3)))

    assert await digests(told, clock_file, metrics, lag=timedelta(0)).run_once() == 2
    assert await digests(told, clock_file, metrics).run_once() == 1

    found = {(str(each.jurisdiction), each.keys): each for each in await published(told)}
    assert {at: (each.epoch, each.withheld) for at, each in found.items()} == {
        ("IN-PB", 1): (3, 1),
        ("IN", 3): (3, 2),
        ("IN", 2): (3, 2),
    }
    assert found["IN", 2].digest == of(("IN/account:a", 1, "withheld"), ("IN/account:b", 1, "withheld"))
    assert registry.get_sample_value("geowithhold_state_digests_total") == 3
    then = registry.get_sample_value("geowithhold_state_digest_timestamp_seconds")
    assert then is not None
    assert datetime.fromisoformat("2021-02-01T03:00:00+00:00").timestamp() <= then


async def test_without_keys_there_is_nothing_to_tell(api: Api, clock_file: Any, set_now: Callable[[str], None]) -> None:
    set_now("2021-02-01T00:00:00Z")
    registry = CollectorRegistry()

    assert await digests(api, clock_file, DigestMetrics(registry)).run_once() == 0

    assert await published(api) == []


async def test_they_are_made_until_it_is_told_to_stop_also_after_a_failure(told: Api, clock_file: Any) -> None:
    registry = CollectorRegistry()
    maker = digests(told, clock_file, DigestMetrics(registry))
    database, maker._database = maker._database, None  # type: ignore[assignment]
    maker._interval = timedelta(milliseconds=1)
    stop = asyncio.Event()
    running = asyncio.create_task(maker.run(stop))
    await asyncio.sleep(0)

    maker._database = database
    await eventually(lambda: registry.get_sample_value("geowithhold_state_digests_total"))
    stop.set()
    await running
