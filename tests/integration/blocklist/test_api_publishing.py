"""The switch that stops publishing: what it holds back, what goes on, and who may turn it."""

import asyncio
from typing import Any

import pytest

from tests.support.blocklist import Api, running_api
from tests.support.broker import read_topic
from tests.support.builders import order_json

STOP: dict[str, Any] = {"by": "Asha", "memo": "wrong list imported"}
RESUME: dict[str, Any] = {"memo": "taken back", "approvers": ["Asha", "Ravi"]}


async def stop(api: Api, status: int = 200, **body: Any) -> dict[str, Any]:
    return await api.post("/v1/publishing/stop", {**STOP, **body}, status)


async def resume(api: Api, status: int = 200, **body: Any) -> dict[str, Any]:
    return await api.post("/v1/publishing/resume", {**RESUME, **body}, status)


async def gauge(api: Api) -> str:
    lines = (await api.client.get("/metrics")).text.splitlines()
    return next(line for line in lines if line.startswith("geowithhold_publishing_stopped"))


async def test_publishing_is_on_until_somebody_stops_it(api: Api) -> None:
    shown = await api.get("/v1/publishing")

    assert shown == {"stopped": False, "stop": None, "unpublished": 0, "oldest_at": None}
    assert await gauge(api) == "geowithhold_publishing_stopped 0.0"


async def test_a_stop_is_shown_everywhere_and_accepting_goes_on(api: Api) -> None:
    stopped = await stop(api)
    created = await api.submit(order_json("@a"))

    shown = await api.get("/v1/publishing")
    ready = await api.client.get("/readyz")

    assert (shown["stopped"], shown["stop"]["by"], shown["stop"]["memo"]) == (True, "Asha", "wrong list imported")
    assert stopped == {"stopped": True, "stop": shown["stop"]}
    assert (created["withholdings_changed"], shown["unpublished"]) == (1, 3)
    assert (ready.status_code, ready.json()["publishing"]) == (200, "stopped")
    assert await gauge(api) == "geowithhold_publishing_stopped 1.0"


async def test_every_stop_is_kept_with_who_ended_it(api: Api) -> None:
    await stop(api)
    await resume(api)
    await stop(api, memo="again")

    first = await api.get("/v1/publishing/stops", limit=1)
    rest = await api.get("/v1/publishing/stops", cursor=first["next"])

    over, standing = first["items"][0], rest["items"][0]
    assert (over["resume_memo"], over["approvers"], over["approvers_verified"]) == ("taken back", ["Asha", "Ravi"], False)
    assert over["resumed_at"] >= over["stopped_at"]
    assert (standing["memo"], standing["resumed_at"], rest["next"]) == ("again", None, None)


async def test_what_is_stopped_is_not_stopped_again_and_what_is_on_not_resumed(api: Api) -> None:
    await resume(api, 409)
    await stop(api)
    before = await api.rows()

    await stop(api, 409)

    assert await api.rows() == before


async def test_of_several_who_stop_at_once_one_does(api: Api) -> None:
    done = await asyncio.gather(*(api.client.post("/v1/publishing/stop", json=STOP) for _ in range(5)))

    assert sorted(response.status_code for response in done) == [200, 409, 409, 409, 409]


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("stop", {"by": "Asha"}, "/memo"),
        ("stop", {"by": "Asha", "memo": " "}, "/memo"),
        ("stop", {"memo": "why"}, "/by"),
        ("resume", {**RESUME, "memo": " "}, "/memo"),
        ("resume", {**RESUME, "approvers": ["Asha", "asha"]}, "/approvers"),
    ],
)
async def test_who_turns_the_switch_says_who_and_why(sqlite_api: Api, path: str, body: Any, pointer: str) -> None:
    refused = await sqlite_api.post(f"/v1/publishing/{path}", body, 422)

    assert refused["errors"][0]["pointer"] == pointer


async def test_the_switch_can_be_rehearsed(sqlite_api: Api) -> None:
    assert (await stop(sqlite_api, dry_run=True))["stopped"]

    assert not (await sqlite_api.get("/v1/publishing"))["stopped"]


@pytest.mark.broker
async def test_nothing_reaches_the_topics_until_publishing_is_resumed(
    sqlite_database: str, broker: str, topic_prefix: str
) -> None:
    async with running_api(sqlite_database, KAFKA_BOOTSTRAP_SERVERS=broker, GEOWITHHOLD_TOPIC_PREFIX=topic_prefix) as api:
        await stop(api)
        await api.submit(order_json("@a"))
        await asyncio.sleep(0)
        held = (await api.get("/v1/publishing"))["unpublished"]
        await resume(api)

        found = await read_topic(broker, f"{topic_prefix}.withholdings.v1", until=lambda records: len(records) >= 1)

        assert (held, len(found)) == (3, 1)
