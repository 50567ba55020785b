"""More than can be published is not promised: blocks are refused, releases never."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.support.blocklist import Api, expect, running_api
from tests.support.builders import later_json, order_json

BOUNDS = {"GEOWITHHOLD_BACKLOG_SOFT": 10, "GEOWITHHOLD_BACKLOG_HARD": 40, "GEOWITHHOLD_BACKLOG_BULK_TARGETS": 3}
MANY = ("@a", "@b", "@c", "@d")


@pytest.fixture
async def bounded(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """Nothing is published, so what is accepted waits."""
    monkeypatch.setattr("shared.outbox.backlog.KEPT_SECONDS", 0.0)
    monkeypatch.setattr("shared.outbox.backlog.AT_MOST_BUSY", 1e9)
    async with running_api(database_url, **BOUNDS) as api:
        yield api


async def waiting(api: Api) -> int:
    shown = await api.get("/v1/publishing")
    return int(shown["unpublished"])


async def fill(api: Api, up_to: int) -> None:
    number = 0
    while await waiting(api) < up_to:
        await api.submit(order_json(f"@fill_{number}", reference=f"fill {number}"))
        number += 1


async def send(api: Api, body: Any, **headers: str) -> httpx2.Response:
    return await api.client.post("/v1/directives", json=body, headers=headers)


async def test_below_the_soft_bound_everything_is_accepted(bounded: Api) -> None:
    await bounded.submit(order_json(*MANY))


async def test_above_the_soft_bound_bulk_is_refused_and_nothing_of_it_is_stored(bounded: Api) -> None:
    await fill(bounded, 10)
    before = await bounded.rows()

    refused = await send(bounded, order_json(*MANY, reference="many"), **{"Idempotency-Key": "k"})

    body = expect(refused, 503)
    assert re.fullmatch(r"\d+ events wait to be published, and nothing more can be blocked until they are fewer", body["detail"])
    assert 1 <= int(refused.headers["retry-after"]) <= 5
    assert await bounded.rows() == before
    await bounded.submit(order_json("@a", reference="few"))


async def test_above_the_hard_bound_nothing_new_is_blocked(bounded: Api) -> None:
    undecided = await bounded.submit(later_json("@later"))
    await fill(bounded, 40)

    new = await send(bounded, order_json("@a", reference="new"))
    rehearsed = await send(bounded, order_json("@a", reference="new", dry_run=True))
    comply = {"decision": "comply", "targets": "all"}
    decided = await bounded.client.post(f"/v1/directives/{undecided['id']}/decisions", json=comply)
    refuse = {"decision": "refuse", "ground": "news_media", "targets": "all"}
    told = (await bounded.client.get("/metrics")).text

    assert [answer.status_code for answer in (new, rehearsed, decided)] == [503, 503, 503]
    await bounded.post(f"/v1/directives/{undecided['id']}/decisions", refuse)
    assert 'geowithhold_requests_refused_total{reason="backlog",work="write"} 3.0' in told


async def test_what_releases_is_accepted_however_much_waits(bounded: Api) -> None:
    directive = await bounded.submit(order_json("@x", "@y", "@z", reference="first"))
    await fill(bounded, 40)

    released = {"cause": "error", "directive": directive["id"], "targets": ["@x"], "jurisdictions": ["IN"]}
    await bounded.post("/v1/releases", released)
    await bounded.post(f"/v1/directives/{directive['id']}/stay", {"targets": ["@y"]})
    await bounded.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all"})
    await bounded.submit(order_json("@fill_0", kind="unblock", reference="unblock"))


async def test_a_request_that_was_answered_before_gets_its_answer(bounded: Api) -> None:
    order, key = order_json("@a", reference="first"), {"Idempotency-Key": "k"}
    first = await send(bounded, order, **key)
    await fill(bounded, 40)

    again = await send(bounded, order, **key)

    told = (await bounded.client.get("/metrics")).text
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert 'reason="backlog"' not in told


async def test_bounds_that_contradict_each_other_stop_the_start(sqlite_database: str) -> None:
    with pytest.raises(ValueError, match="GEOWITHHOLD_BACKLOG_SOFT: it is not above GEOWITHHOLD_BACKLOG_HARD"):
        async with running_api(sqlite_database, GEOWITHHOLD_BACKLOG_SOFT=2, GEOWITHHOLD_BACKLOG_HARD=1):
            raise AssertionError
