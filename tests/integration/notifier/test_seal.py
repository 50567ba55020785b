"""While a key is set, a sealed directive is there for whoever sends it alone, and so are small counts."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.integration.notifier.test_api import application
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import DIRECTIVE, received, replied

KEY = {"Authorization": "Bearer open sesame"}
PATHS = ("compliance", "replies", "replies/rpl_2")


@pytest.fixture
async def http(sqlite_world: World) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(application(sqlite_world, key="open sesame"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://notifier") as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
async def test_a_sealed_directive_is_not_there_without_the_key(http: httpx2.AsyncClient, sqlite_world: World, path: str) -> None:
    url = f"/v1/directives/{DIRECTIVE}/{path}"
    unheard_of = (await http.get(url)).json()
    await sqlite_world.tell(received(sealed=True), replied(2, sealed=True))

    refused = await http.get(url)

    assert (refused.status_code, refused.json()) == (404, unheard_of)
    assert (await http.get(url, headers=KEY)).status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_any_other_directive_is_there_for_everybody(http: httpx2.AsyncClient, sqlite_world: World, path: str) -> None:
    await sqlite_world.tell(received(), replied(2))

    assert (await http.get(f"/v1/directives/{DIRECTIVE}/{path}")).status_code == 200


async def test_small_counts_are_told_to_whoever_has_the_key(http: httpx2.AsyncClient, sqlite_world: World) -> None:
    await sqlite_world.tell(received(sealed=True))
    query = {"from": "2021-01-31", "to": "2021-02-01"}

    public = await http.get("/v1/transparency", params=query)
    refused = await http.get("/v1/transparency", params=query | {"audience": "internal"})
    internal = await http.get("/v1/transparency", params=query | {"audience": "internal"}, headers=KEY)

    assert public.json()["totals"]["sealed"] == "<10"
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "audience")
    assert internal.json()["totals"]["sealed"] == 1
