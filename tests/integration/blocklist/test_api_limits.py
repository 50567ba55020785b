"""What keeps a slip from becoming a mass change: a count to confirm, and a limit by the hour."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.blocklist import Api, running_api
from tests.support.builders import later_json, order_json

COMPLY: dict[str, Any] = {"decision": "comply", "targets": "all"}
LIFT: dict[str, Any] = {"cause": "error", "targets": "all", "jurisdictions": ["IN"]}


@pytest.fixture
async def strict(database_url: str, clock_file: Path) -> AsyncIterator[Api]:
    limits = {"GEOWITHHOLD_MASS_CHANGE_ITEMS": 2, "GEOWITHHOLD_VELOCITY_ITEMS_PER_HOUR": 4}
    async with running_api(database_url, GEOWITHHOLD_CLOCK_FILE=clock_file, **limits) as running:
        yield running


async def submitted(api: Api, reference: str, count: int, *, decided: bool = False) -> dict[str, Any]:
    make = order_json if decided else later_json
    names = [f"@{reference}{number}" for number in range(count)]
    return await api.submit(make(*names, reference=reference, confirm_count=count))


async def decide(api: Api, directive: dict[str, Any], status: int = 200, **body: Any) -> dict[str, Any]:
    return await api.post(f"/v1/directives/{directive['id']}/decisions", {**COMPLY, **body}, status)


async def test_a_mass_change_is_confirmed_with_the_number_that_a_dry_run_tells(strict: Api) -> None:
    directive = await submitted(strict, "a", 3)
    before = await strict.rows()

    refused = await decide(strict, directive, 409)
    wrong = await decide(strict, directive, 409, confirm_count=4)
    assert await strict.rows() == before
    rehearsed = await decide(strict, directive, dry_run=True)
    done = await decide(strict, directive, confirm_count=rehearsed["confirm_count"])

    assert (refused["count"], wrong["count"], done["changed"]) == (3, 3, 3)
    assert '"confirm_count": 3' in refused["detail"]
    assert refused["errors"][0]["pointer"] == "/confirm_count"


@pytest.mark.parametrize("wrong", [-1, 1.5, "3", True, 2**40])
async def test_a_count_is_a_number_of_items(sqlite_api: Api, wrong: Any) -> None:
    refused = await sqlite_api.post("/v1/directives", order_json(confirm_count=wrong), 422)

    assert refused["errors"][0]["pointer"] == "/confirm_count"


async def test_every_way_to_change_many_items_is_confirmed(strict: Api) -> None:
    await strict.post("/v1/directives", order_json("@a", "@b", "@c"), 409)
    directive = await submitted(strict, "a", 3, decided=True)

    await strict.post("/v1/releases", {**LIFT, "directive": directive["id"]}, 409)
    await strict.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all"}, 409)
    await strict.post(f"/v1/batches/{directive['batch']}/undo", {"memo": "wrong"}, 409)
    await strict.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all", "confirm_count": 3})


async def test_a_count_that_is_sent_with_a_small_change_must_be_right(strict: Api) -> None:
    directive = await submitted(strict, "a", 2)

    await decide(strict, directive, 409, confirm_count=1)
    await decide(strict, directive, confirm_count=2)


async def test_a_refused_mass_change_leaves_its_idempotency_key_free(strict: Api) -> None:
    directive = await submitted(strict, "a", 3)
    path = f"/v1/directives/{directive['id']}/decisions"

    await strict.post(path, COMPLY, 409, key="k")
    await strict.post(path, {**COMPLY, "confirm_count": 3}, key="k")


async def test_more_blocks_than_an_hour_may_bring_wait(strict: Api, set_now: Callable[[str], None]) -> None:
    set_now("2021-03-01T12:00:00Z")
    first, second = await submitted(strict, "a", 3), await submitted(strict, "b", 2)
    await decide(strict, first, confirm_count=3)
    before = await strict.rows()

    response = await strict.client.post(f"/v1/directives/{second['id']}/decisions", json=COMPLY)

    assert (response.status_code, response.json()["count"]) == (429, 2)
    assert 3590 <= int(response.headers["retry-after"]) <= 3600
    assert await strict.rows() == before
    set_now("2021-03-01T13:00:01Z")
    await decide(strict, second)


async def test_what_no_hour_has_room_for_is_done_in_parts(strict: Api) -> None:
    directive = await submitted(strict, "a", 5)

    refused = await decide(strict, directive, 409, confirm_count=5)

    assert "in parts" in refused["detail"]


async def test_neither_releases_nor_orders_nor_refusals_wait_for_blocks(strict: Api) -> None:
    directive = await submitted(strict, "a", 4)
    await decide(strict, directive, confirm_count=4)

    urgent = await submitted(strict, "urgent", 5, decided=True)
    refused = await submitted(strict, "refused", 2)
    await decide(strict, refused, decision="refuse", ground="journalist")
    released = await strict.post("/v1/releases", {**LIFT, "directive": directive["id"], "confirm_count": 4})

    assert (urgent["withholdings_changed"], released["released"]) == (5, 4)


async def test_an_act_of_the_authority_never_waits(strict: Api) -> None:
    urgent = await submitted(strict, "urgent", 5, decided=True)

    done = await strict.post(f"/v1/directives/{urgent['id']}/rescind", {"targets": "all", "confirm_count": 5})

    assert done["released"] == 5


async def test_releases_wait_for_releases(strict: Api) -> None:
    one, other = await submitted(strict, "a", 4, decided=True), await submitted(strict, "b", 1, decided=True)
    await strict.post("/v1/releases", {**LIFT, "directive": one["id"], "confirm_count": 4})

    await strict.post("/v1/releases", {**LIFT, "directive": other["id"]}, 429)
