"""While a key is set, a sealed directive is there for whoever sends it alone, and so are small counts."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from tests.integration.notifier.test_api import application
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import DIRECTIVE, OTHER_DIRECTIVE, after, item, items, received, replied, withholding

KEY = {"Authorization": "Bearer open sesame"}
PATHS = ("compliance", "replies", "replies/rpl_2")


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(application(world, key="open sesame"))
    async with httpx2.AsyncClient(transport=transport, base_url="http://notifier") as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
async def test_a_sealed_directive_is_not_there_without_the_key(http: httpx2.AsyncClient, world: World, path: str) -> None:
    url = f"/v1/directives/{DIRECTIVE}/{path}"
    unheard_of = (await http.get(url)).json()
    await world.tell(received(sealed=True), replied(2, sealed=True))

    refused = await http.get(url)

    assert (refused.status_code, refused.json()) == (404, unheard_of)
    assert (await http.get(url, headers=KEY)).status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_any_other_directive_is_there_for_everybody(http: httpx2.AsyncClient, world: World, path: str) -> None:
    await world.tell(received(), replied(2))

    assert (await http.get(f"/v1/directives/{DIRECTIVE}/{path}")).status_code == 200


async def listed(http: httpx2.AsyncClient, path: str, headers: dict[str, str] | None = None, **query: str) -> list[str]:
    items = (await http.get(path, params=query, headers=headers)).json()["items"]
    return [each["directive"] if "duty" in each else each["point"] for each in items]


async def test_clocks_of_sealed_directives_are_listed_for_whoever_has_the_key(http: httpx2.AsyncClient, world: World) -> None:
    await world.tell(received(sealed=True, due_at=after(9)), received(directive=OTHER_DIRECTIVE, due_at=after(9)))

    shown, whole = await listed(http, "/v1/clocks"), await listed(http, "/v1/clocks", KEY)

    assert (set(shown), set(whole)) == ({OTHER_DIRECTIVE}, {DIRECTIVE, OTHER_DIRECTIVE})
    assert set(await listed(http, "/v1/clocks", jurisdiction="IN", state="running")) == {OTHER_DIRECTIVE}


@pytest.mark.parametrize("sealed", [True, False])
async def test_what_a_sealed_directive_reached_is_listed_for_whoever_has_the_key(
    http: httpx2.AsyncClient, world: World, sealed: bool
) -> None:
    await world.register()
    await world.tell(received(sealed=sealed), items(2, item(), sealed=sealed))
    await world.withhold(withholding())

    by_directive = await listed(http, "/v1/enforcements", directive=DIRECTIVE)

    assert by_directive == ([] if sealed else ["search"])
    assert await listed(http, "/v1/enforcements", KEY, directive=DIRECTIVE) == ["search"]
    assert await listed(http, "/v1/enforcements") == ["search"]


async def test_figures_count_sealed_directives_for_everybody(http: httpx2.AsyncClient, world: World) -> None:
    await world.tell(received(sealed=True, due_at=after(9)))

    assert (await http.get("/v1/jurisdictions/IN")).json()["next_due_at"] == "2021-01-31T06:00:09Z"


async def test_small_counts_are_told_to_whoever_has_the_key(http: httpx2.AsyncClient, world: World) -> None:
    await world.tell(received(sealed=True))
    query = {"from": "2021-01-31", "to": "2021-02-01"}

    public = await http.get("/v1/transparency", params=query)
    refused = await http.get("/v1/transparency", params=query | {"audience": "internal"})
    internal = await http.get("/v1/transparency", params=query | {"audience": "internal"}, headers=KEY)

    assert public.json()["totals"]["sealed"] == "<10"
    assert (refused.status_code, refused.json()["errors"][0]["parameter"]) == (422, "audience")
    assert internal.json()["totals"]["sealed"] == 1
