"""Probes, and every metric by its value."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.blocklist.app import create_api
from tests.support.blocklist import Api, client_of, expect, make_settings, migrated, running_api
from tests.support.builders import order_json, tco_json
from tests.support.eventually import eventually

COUNTED = re.compile(r"^(geowithhold_\w+?)(?:\{(.*)\})? (\S+)$")


async def metrics(client: httpx2.AsyncClient) -> dict[str, dict[str, float]]:
    """Values by name and labels, without those of HTTP itself."""
    found: dict[str, dict[str, float]] = {}
    for line in (await client.get("/metrics")).text.splitlines():
        match = COUNTED.match(line)
        if match and not match[1].startswith("geowithhold_http") and not match[1].endswith("_created"):
            found.setdefault(match[1], {})[match[2] or ""] = float(match[3])
    return found


async def test_the_metrics_say_what_is_withheld_received_released_and_waiting(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b", "#c"))
    await api.submit(tco_json("@a", jurisdictions=["DE", "FR"]))
    body = {"cause": "appeal", "directive": directive["id"], "targets": ["@a"], "jurisdictions": ["IN"]}
    await api.post("/v1/releases", body)
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": ["#c"]})

    found = await metrics(api.client)

    assert found["geowithhold_withholdings"] == {
        'jurisdiction="IN",target_type="account"': 1,
        'jurisdiction="IN",target_type="hashtag"': 0,
    }
    assert found["geowithhold_directives_received_total"] == {
        'jurisdiction="IN",kind="block",legal_basis="in-it-act-69a-emergency"': 1,
        'jurisdiction="DE",kind="block",legal_basis="eu-tco"': 1,
        'jurisdiction="FR",kind="block",legal_basis="eu-tco"': 1,
    }
    assert found["geowithhold_releases_total"] == {
        'cause="appeal",jurisdiction="IN"': 1,
        'cause="rescinded",jurisdiction="IN"': 1,
    }
    assert found["geowithhold_outbox_unpublished"] == {"": 3 + 2 + 2 + 2 + 4}


async def test_what_was_refused_or_replayed_is_not_counted(sqlite_api: Api) -> None:
    await sqlite_api.post("/v1/directives", order_json(), 201, key="k")
    await sqlite_api.post("/v1/directives", order_json(), 201, key="k")
    await sqlite_api.post("/v1/directives", order_json(), 409)

    received = (await metrics(sqlite_api.client))["geowithhold_directives_received_total"]

    assert list(received.values()) == [1]


async def test_an_empty_service_has_nothing_waiting(sqlite_api: Api) -> None:
    found = await metrics(sqlite_api.client)

    assert (found["geowithhold_outbox_unpublished"], found["geowithhold_outbox_oldest_seconds"]) == ({"": 0}, {"": 0})


async def test_requests_are_counted_by_route_and_never_by_what_is_in_it(sqlite_api: Api) -> None:
    await sqlite_api.get("/v1/withholdings/account:secret")
    await sqlite_api.get("/v1/directives/dir_secret", 404)
    await sqlite_api.client.request("BREW", "/secret")

    text = (await sqlite_api.client.get("/metrics")).text

    assert "secret" not in text
    assert 'geowithhold_http_requests_total{method="GET",route="/v1/withholdings/{target}",status="200"} 1.0' in text
    assert 'geowithhold_http_requests_total{method="other",route="unmatched",status="404"} 1.0' in text


async def test_a_service_whose_broker_is_down_is_alive_and_ready(api: Api) -> None:
    live, ready = await api.client.get("/livez"), await api.client.get("/readyz")

    assert (live.status_code, live.json()) == (200, {"status": "alive"})
    report = ready.json()
    assert (ready.status_code, report["ready"], report["database"], report["migrations"]) == (200, True, "reachable", "current")
    assert (report["publishing"], report["unpublished"], report["oldest_unpublished_seconds"]) == ("on", 0, 0)


async def test_a_service_that_publishes_late_says_so_and_stays_ready(
    database_url: str, clock_file: Path, set_now: Callable[[str], None]
) -> None:
    set_now("2026-03-01T12:00:00Z")
    async with running_api(database_url, GEOWITHHOLD_CLOCK_FILE=clock_file) as api:
        await api.submit(order_json("@a"))
        set_now("2026-03-01T12:01:40Z")

        async def told() -> dict[str, Any] | None:
            found = await api.get("/readyz")
            return found if found["unpublished"] == 3 else None

        report = await eventually(told)

    assert report is not None
    assert report["ready"] is True
    assert 60 <= report["oldest_unpublished_seconds"] <= 101
    assert report["degraded"] == [f"the oldest event has waited {report['oldest_unpublished_seconds']:.0f} s to be published"]


async def test_a_service_that_was_told_to_end_is_unready_at_once_and_goes_on_serving(sqlite_database: str) -> None:
    app = create_api(make_settings(sqlite_database))
    async with migrated(sqlite_database), client_of(app) as client:
        app.state.ending.tell()

        live, ready, served = await client.get("/livez"), await client.get("/readyz"), await client.get("/v1/directives")

    assert (live.status_code, ready.status_code, served.status_code) == (200, 503, 200)
    assert ready.json() == {"ready": False, "draining": True}
    assert served.headers["connection"] == "close"


async def test_a_service_that_was_not_migrated_says_what_to_do(database_url: str) -> None:
    async with client_of(create_api(make_settings(database_url))) as client:
        ready = await client.get("/readyz")

    assert (ready.status_code, ready.json()["migrations"]) == (503, "run migrate")


async def test_a_service_whose_database_is_away_is_alive_not_ready_and_asks_to_come_back() -> None:
    async with client_of(create_api(make_settings("postgresql://nobody@127.0.0.1:1/none"))) as client:
        live, ready = await client.get("/livez"), await client.get("/readyz")
        refused = await client.post("/v1/directives", json=order_json())

    assert (live.status_code, ready.status_code, ready.json()["ready"]) == (200, 503, False)
    assert expect(refused, 503)["type"] == "urn:geowithhold:problem:unavailable"
    assert refused.headers["retry-after"] == "1"


async def test_a_service_whose_database_is_away_tells_its_other_figures_and_that_some_are_old() -> None:
    async with client_of(create_api(make_settings("postgresql://nobody@127.0.0.1:1/none"))) as client:
        await client.get("/v1/directives")
        told = await client.get("/metrics")

    assert (told.status_code, "geowithhold_metrics_stale 1.0" in told.text) == (200, True)
    assert 'geowithhold_requests_admitted_total{work="read"} 1.0' in told.text


async def test_a_failure_tells_the_caller_nothing_internal(database_url: str) -> None:
    async with client_of(create_api(make_settings(database_url))) as client:
        failed = await client.post("/v1/directives", json=order_json())

    body = expect(failed, 500)
    assert body["type"] == "urn:geowithhold:problem:internal-error"
    assert "directives" not in failed.text


async def test_the_document_of_the_api_names_every_limit(sqlite_api: Api) -> None:
    document: dict[str, Any] = await sqlite_api.get("/openapi.json")

    order = document["components"]["schemas"]["DirectiveIn"]
    assert order["additionalProperties"] is False
    assert order["properties"]["targets"]["maxItems"] == 10_000


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_no_page_of_the_framework_is_served(sqlite_api: Api, path: str) -> None:
    await sqlite_api.get(path, 404)


async def test_two_services_on_one_database_see_the_same(postgres_database: str) -> None:
    async with running_api(postgres_database) as one, running_api(postgres_database) as other:
        await one.submit(order_json("@a"))

        assert (await other.get("/v1/withholdings/account:a"))["withheld"]["country_codes"] == ["IN"]
