"""Who sees a sealed directive: nobody without the key, once a key is set."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.tables import directives
from shared.http.keys import holds_key
from tests.support.blocklist import Api, expect, running_api
from tests.support.builders import order_json

KEY = "a key with ü"
HEADERS = [(b"Authorization", f"Bearer {KEY}".encode())]

READS = ("", "/items", "/timeline", "/exports/lumen", "/exports/dsa")


@pytest.fixture
async def keyed(database_url: str) -> AsyncIterator[Api]:
    """The service with a key."""
    async with running_api(database_url, GEOWITHHOLD_ADMIN_KEY=KEY) as running:
        yield running


async def sealed(api: Api, *targets: str, **changes: Any) -> str:
    directive = await api.submit(order_json(*targets, **changes))

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(update(directives).where(directives.c.id == directive["id"]).values(sealed=True))

    await api.database.write(work)
    return str(directive["id"])


async def with_key(api: Api, path: str, status: int = 200) -> dict[str, Any]:
    return expect(await api.client.get(path, headers=HEADERS), status)


async def test_without_the_key_a_sealed_directive_is_not_there(keyed: Api) -> None:
    id_ = await sealed(keyed, "@a")

    for read in READS:
        hidden = await keyed.get(f"/v1/directives/{id_}{read}", 404)
        absent = await keyed.get(f"/v1/directives/dir_none{read}", 404)
        assert hidden == {**absent, "detail": absent["detail"].replace("dir_none", id_)}


async def test_nor_can_it_be_written_to_without_the_key(keyed: Api) -> None:
    id_ = await sealed(keyed, "@a")

    await keyed.post(f"/v1/directives/{id_}/rescind", {"targets": "all"}, 404)
    release = {"cause": "error", "directive": id_, "targets": "all", "jurisdictions": ["IN"]}
    await keyed.post("/v1/releases", release, 404)


async def test_lists_leave_it_out_without_the_key(keyed: Api) -> None:
    await sealed(keyed, "@a")
    await keyed.submit(order_json("@b", reference="open"))

    listed = (await keyed.get("/v1/directives"))["items"]

    assert [(found["reference"], found["sealed"]) for found in listed] == [("open", False)]


async def test_with_the_key_it_is_there_and_still_not_exported(keyed: Api) -> None:
    id_ = await sealed(keyed, "@a")

    shown = await with_key(keyed, f"/v1/directives/{id_}")
    listed = await with_key(keyed, "/v1/directives")
    refused = await with_key(keyed, f"/v1/directives/{id_}/exports/lumen", 409)

    assert (shown["sealed"], len(listed["items"]), refused["reason"]) == (True, 1, "sealed")


async def test_its_notices_and_appeals_are_hidden_with_it(keyed: Api) -> None:
    id_ = await sealed(keyed, "@a")
    body = {"directive": id_, "target": "@a", "text": "why?"}
    (notice,) = (await with_key(keyed, "/v1/user-notices"))["items"]
    received = expect(await keyed.client.post("/v1/appeals", json=body, headers=HEADERS), 201)

    for name, found in (("user-notices", notice), ("appeals", received)):
        assert (await keyed.get(f"/v1/{name}"))["items"] == []
        await keyed.get(f"/v1/{name}/{found['id']}", 404)
        assert (await with_key(keyed, f"/v1/{name}/{found['id']}"))["directive"] == id_
    await keyed.post("/v1/appeals", body, 404)
    await keyed.post(f"/v1/appeals/{received['id']}/outcome", {"outcome": "upheld", "memo": "m"}, 404)


async def test_a_wrong_key_opens_nothing(keyed: Api) -> None:
    id_ = await sealed(keyed, "@a")

    response = await keyed.client.get(f"/v1/directives/{id_}", headers={"Authorization": "Bearer another"})

    expect(response, 404)


async def test_it_withholds_and_counts_all_the_same(keyed: Api) -> None:
    await sealed(keyed, "@a")

    found = await keyed.get("/v1/withholdings/@a")
    metrics = (await keyed.client.get("/metrics")).text

    assert found["withheld"]["country_codes"] == ["IN"]
    assert 'geowithhold_withholdings{jurisdiction="IN",target_type="account"} 1.0' in metrics


async def test_while_no_key_is_set_the_api_is_open(api: Api) -> None:
    id_ = await sealed(api, "@a")

    assert (await api.get(f"/v1/directives/{id_}"))["sealed"] is True
    assert len((await api.get("/v1/directives"))["items"]) == 1


@pytest.mark.parametrize(
    ("key", "sent", "holds"),
    [
        (None, None, True),
        (None, "Bearer x", True),
        ("k", "Bearer k", True),
        ("k", "bearer k", True),
        ("k", None, False),
        ("k", "", False),
        ("k", "k", False),
        ("k", "Basic k", False),
        ("k", "Bearer k ", False),
        ("k", "Bearer kk", False),
        ("ü", "Bearer Ã¼", True),
    ],
)
def test_the_key_is_the_bearer_s_to_the_last_character(key: str | None, sent: str | None, *, holds: bool) -> None:
    assert holds_key(key, sent) is holds


async def test_nor_is_what_was_done_to_it_there_without_the_key(keyed: Api) -> None:
    hidden = await keyed.submit(order_json("@a", sealed=True))
    shown = await keyed.submit(order_json("@b", reference="open"))

    assert [batch["id"] for batch in (await keyed.get("/v1/batches"))["items"]] == [shown["batch"]]
    await keyed.get(f"/v1/batches/{hidden['batch']}", 404)
    await keyed.post(f"/v1/batches/{hidden['batch']}/undo", {"memo": "wrong"}, 404)
    assert (await with_key(keyed, f"/v1/batches/{hidden['batch']}"))["directives"] == [hidden["id"]]
    assert len((await with_key(keyed, "/v1/batches"))["items"]) == 2


@pytest.mark.parametrize("field", ["supersedes", "supplements"])
async def test_nor_can_an_order_name_it_without_the_key(keyed: Api, field: str) -> None:
    id_ = await sealed(keyed, "@a")

    hidden = await keyed.post("/v1/directives", order_json("@a", reference="next", **{field: id_}), 422)
    absent = await keyed.post("/v1/directives", order_json("@a", reference="next", **{field: "dir_none"}), 422)
    assert str(hidden) == str(absent).replace("dir_none", id_)
    assert (await with_key(keyed, f"/v1/directives/{id_}"))["status"] == "in_force"


async def test_nor_can_it_take_another_s_place_without_the_key(keyed: Api) -> None:
    old = await keyed.submit(order_json("@a"))
    id_ = await sealed(keyed, "@b", reference="newer")

    hidden = await keyed.post(f"/v1/directives/{old['id']}/supersede", {"by": id_}, 422)
    absent = await keyed.post(f"/v1/directives/{old['id']}/supersede", {"by": "dir_none"}, 422)
    assert str(hidden) == str(absent).replace("dir_none", id_)
