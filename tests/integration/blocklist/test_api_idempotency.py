import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from tests.support.blocklist import Api, running_api
from tests.support.builders import later_json, order_json

KEY = {"Idempotency-Key": "attempt-1"}


@pytest.fixture
async def wide_api(database_url: str) -> AsyncIterator[Api]:
    """Takes on fifty writes at a time, where the usual one would refuse some."""
    async with running_api(database_url, GEOWITHHOLD_ADMIT_WRITES=50) as running:
        yield running


async def send(api: Api, body: Any, **headers: str) -> httpx2.Response:
    return await api.client.post("/v1/directives", json=body, headers=headers)


async def test_the_same_request_again_gets_the_stored_answer(api: Api) -> None:
    first = await api.client.post("/v1/directives", json=order_json(), headers=KEY)
    before = await api.rows()

    again = await api.client.post("/v1/directives", json=order_json(), headers=KEY)

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["location"] == first.headers["location"]
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert await api.rows() == before


async def test_the_order_and_spacing_of_fields_make_no_other_request(api: Api) -> None:
    first = await api.client.post("/v1/directives", json=order_json(), headers=KEY)

    again = await api.client.post("/v1/directives", json=dict(reversed(order_json().items())), headers=KEY)

    assert again.content == first.content


@pytest.mark.fault(6)
async def test_a_key_belongs_to_one_body(api: Api) -> None:
    await api.post("/v1/directives", order_json("@a"), 201, key="k")

    refused = await api.post("/v1/directives", order_json("@b"), 422, key="k")

    assert refused["type"] == "urn:geowithhold:problem:idempotency-key-reused"
    assert refused["errors"][0]["parameter"] == "Idempotency-Key"


async def test_a_key_belongs_to_one_route(api: Api) -> None:
    first = await api.submit(order_json("@a"))
    second = await api.submit(order_json("@b", reference="second"))
    await api.post(f"/v1/directives/{first['id']}/rescind", {"targets": "all"}, key="k")

    refused = await api.post(f"/v1/directives/{second['id']}/rescind", {"targets": "all"}, 422, key="k")

    assert refused["type"] == "urn:geowithhold:problem:idempotency-key-reused"


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("decisions", {"decision": "comply", "targets": "undecided"}, 200),
        ("rescind", {"targets": ["@a"]}, 200),
        ("notices", {"kind": "reminder", "issued_at": "2021-02-03T06:00:00Z"}, 201),
        ("replies", {"kind": "acknowledgement"}, 201),
    ],
)
async def test_every_write_is_carried_out_once(api: Api, act: str, body: Any, status: int) -> None:
    directive = await api.submit(later_json("@a", "@b"))
    path = f"/v1/directives/{directive['id']}/{act}"
    first = await api.post(path, body, status, key="k")
    before = await api.rows()

    again = await api.post(path, body, status, key="k")

    assert again == first
    assert await api.rows() == before


async def test_a_confirmation_and_a_release_are_carried_out_once(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    release = {"cause": "error", "directive": directive["id"], "targets": "all", "jurisdictions": ["IN"]}

    confirmed = [await api.post(f"/v1/directives/{directive['id']}/confirm", None, key="c") for _ in range(2)]
    released = [await api.post("/v1/releases", release, key="r") for _ in range(2)]

    assert (confirmed[0], released[0]) == (confirmed[1], released[1])


async def test_a_refused_request_leaves_its_key_free(api: Api) -> None:
    await api.post("/v1/directives", order_json(jurisdictions=["PK"]), 403, key="k")
    await api.post("/v1/directives", order_json(supplements="dir_0"), 422, key="k")

    created = await api.post("/v1/directives", order_json(), 201, key="k")

    assert created["status"] == "in_force"


async def test_an_order_that_has_expired_since_is_still_answered_as_it_was(api: Api, set_now: Callable[[str], None]) -> None:
    set_now("2021-02-01T00:00:00Z")
    order = order_json(expires_at="2021-02-02T00:00:00Z")
    first = await api.post("/v1/directives", order, 201, key="k")
    set_now("2021-02-03T00:00:00Z")

    again = await api.post("/v1/directives", order, 201, key="k")

    assert again == first


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "é"])
async def test_a_key_is_short_and_printable(sqlite_api: Api, key: str) -> None:
    response = await sqlite_api.client.post("/v1/directives", json=order_json(), headers=[(b"Idempotency-Key", key.encode())])

    assert response.status_code == 422
    assert response.json()["errors"][0]["parameter"] == "Idempotency-Key"


@pytest.mark.fault(5)
async def test_fifty_equal_requests_at_once_are_one_directive_and_fifty_equal_answers(wide_api: Api) -> None:
    answers = await asyncio.gather(*(send(wide_api, order_json("@a", "@b"), **KEY) for _ in range(50)))

    assert Counter(answer.status_code for answer in answers) == {201: 50}
    assert len({answer.content for answer in answers}) == 1
    assert Counter(answer.headers.get("idempotency-replayed") for answer in answers) == {None: 1, "true": 49}
    rows = await wide_api.rows()
    assert (len(rows["directives"]), {row["version"] for row in rows["withholdings"]}) == (1, {1})


async def test_fifty_equal_requests_without_a_key_are_one_directive_that_the_others_name(wide_api: Api) -> None:
    answers = await asyncio.gather(*(send(wide_api, order_json()) for _ in range(50)))

    (created,) = (answer.json() for answer in answers if answer.status_code == 201)
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert len(refused) == 49
    assert {body["directive"] for body in refused} == {created["id"]}
    assert len((await wide_api.rows())["directives"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"x", id="no JSON"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"9" * 6000, id="a number of 6,000 digits"),
        pytest.param(b"[" * 50_000, id="nested without end"),
        pytest.param(b'{"a":' * 3000 + b"1" + b"}" * 3000, id="nested deep"),
    ],
)
async def test_a_body_of_another_type_that_cannot_be_read_is_refused_with_a_key_as_without(sqlite_api: Api, body: bytes) -> None:
    headers = {"Content-Type": "text/plain"}

    without = await sqlite_api.client.post("/v1/releases", content=body, headers=headers)
    with_key = await sqlite_api.client.post("/v1/releases", content=body, headers={**headers, "Idempotency-Key": "k"})

    assert (with_key.status_code, with_key.json()) == (422, without.json())
