"""Whatever is wrong with a request: a problem document, the right status and place, and nothing is stored."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from shared.http.app import MAX_BODY_BYTES
from tests.support.blocklist import Api, expect
from tests.support.builders import order_json


async def post_bytes(api: Api, content: bytes | AsyncIterator[bytes], **headers: str) -> httpx2.Response:
    return await api.client.post("/v1/directives", content=content, headers={"Content-Type": "application/json", **headers})


async def nothing_is_stored(api: Api) -> bool:
    return not any((await api.rows()).values())


WRONG_FIELDS: list[tuple[str, dict[str, Any], int, str]] = [
    ("an unknown field", {"priority": 1}, 422, "/priority"),
    ("a field name with a slash", {"a/b~c": 1}, 422, "/a~1b~0c"),
    ("a field name that is half a character", {"\ud800": 1}, 422, ""),
    ("no authority", {"authority": None}, 422, "/authority"),
    ("an unknown authority", {"authority": "in-nobody"}, 422, "/authority"),
    ("an authority that is no id", {"authority": "in meity"}, 422, "/authority"),
    ("an authority with a line break", {"authority": "in-meity\n"}, 422, "/authority"),
    ("a number as authority", {"authority": 7}, 422, "/authority"),
    ("an unknown legal basis", {"legal_basis": "in-it-act-1"}, 422, "/legal_basis"),
    ("a legal basis that is not the authority's", {"legal_basis": "eu-tco"}, 422, "/legal_basis"),
    ("no legal basis", {"legal_basis": None}, 422, "/legal_basis"),
    ("no reference", {"reference": None}, 422, "/reference"),
    ("an empty reference", {"reference": ""}, 422, "/reference"),
    ("a blank reference", {"reference": " \t "}, 422, "/reference"),
    ("a reference of 201 characters", {"reference": "r" * 201}, 422, "/reference"),
    ("a reference with NUL", {"reference": "a\x00b"}, 422, "/reference"),
    ("a reference of two lines", {"reference": "a\nb"}, 422, "/reference"),
    ("a reference with half a character", {"reference": "a\ud800"}, 422, "/reference"),
    ("an unknown kind", {"kind": "erase"}, 422, "/kind"),
    ("no jurisdiction", {"jurisdictions": None}, 422, "/jurisdictions"),
    ("an empty list of jurisdictions", {"jurisdictions": []}, 422, "/jurisdictions"),
    ("a jurisdiction that is no list", {"jurisdictions": "IN"}, 422, "/jurisdictions"),
    ("an unknown jurisdiction", {"jurisdictions": ["IN", "ZZ"]}, 422, "/jurisdictions/1"),
    ("a lower-case jurisdiction", {"jurisdictions": ["in"]}, 422, "/jurisdictions/0"),
    ("an empty jurisdiction", {"jurisdictions": [""]}, 422, "/jurisdictions/0"),
    ("a jurisdiction with a space", {"jurisdictions": ["IN "]}, 422, "/jurisdictions/0"),
    ("a jurisdiction of full-width letters", {"jurisdictions": ["ＩＮ"]}, 422, "/jurisdictions/0"),
    ("a jurisdiction in half a character", {"jurisdictions": ["\ud800"]}, 422, "/jurisdictions/0"),
    ("a null jurisdiction", {"jurisdictions": [None]}, 422, "/jurisdictions/0"),
    ("301 jurisdictions", {"jurisdictions": ["IN"] * 301}, 422, "/jurisdictions"),
    ("another country", {"jurisdictions": ["IN", "PK"]}, 403, "/jurisdictions/1"),
    ("a group of other countries", {"jurisdictions": ["EU"]}, 403, "/jurisdictions/0"),
    ("worldwide", {"jurisdictions": ["XX"]}, 403, "/jurisdictions/0"),
    ("no time of issue", {"issued_at": None}, 422, "/issued_at"),
    ("issued in the future", {"issued_at": "2999-01-01T00:00:00Z", "received_at": None}, 422, "/issued_at"),
    ("received in the future", {"received_at": "2999-01-01T00:00:00Z"}, 422, "/received_at"),
    ("received before it was issued", {"received_at": "2021-01-31T05:59:59Z"}, 422, "/received_at"),
    ("due before it was issued", {"due_at": "2021-01-31T05:59:59Z"}, 422, "/due_at"),
    ("expired already", {"expires_at": "2021-02-01T00:00:00Z"}, 422, "/expires_at"),
    ("a time without an offset", {"issued_at": "2021-01-31T06:00:00"}, 422, "/issued_at"),
    ("a day without a time", {"issued_at": "2021-01-31"}, 422, "/issued_at"),
    ("an integer as time", {"issued_at": 1612072800}, 422, "/issued_at"),
    ("an integer in a string as time", {"issued_at": "1612072800"}, 422, "/issued_at"),
    ("a float in a string as time", {"issued_at": "1612072800.5"}, 422, "/issued_at"),
    ("true as time", {"issued_at": True}, 422, "/issued_at"),
    ("a time that is none", {"issued_at": "yesterday"}, 422, "/issued_at"),
    ("a day that does not exist", {"issued_at": "2021-02-30T06:00:00Z"}, 422, "/issued_at"),
    ("a time before computers", {"issued_at": "1890-01-31T06:00:00Z"}, 422, "/issued_at"),
    ("a time beyond the calendar", {"due_at": "9999-12-31T23:59:59-01:00"}, 422, "/due_at"),
    ("no targets", {"targets": None}, 422, "/targets"),
    ("an empty list of targets", {"targets": []}, 422, "/targets"),
    ("10,001 targets", {"targets": ["@a"] * 10_001}, 422, "/targets"),
    ("targets that are no list", {"targets": "@a"}, 422, "/targets"),
    ("a number as target", {"targets": ["@a", 42]}, 422, "/targets/1"),
    ("a number as id", {"targets": [{"type": "post", "id": 42}]}, 422, "/targets/0"),
    ("a target of another kind", {"targets": [{"type": "user", "id": "a"}]}, 422, "/targets/0"),
    ("a target with more fields", {"targets": [{"type": "post", "id": "1", "why": ""}]}, 422, "/targets/0"),
    ("a null target", {"targets": [None]}, 422, "/targets/0"),
    ("a nested list of targets", {"targets": [["@a"]]}, 422, "/targets/0"),
    ("an empty target", {"targets": ["@a", " "]}, 422, "/targets/1"),
    ("a handle that is none", {"targets": ["@a-b"]}, 422, "/targets/0"),
    ("a handle in Cyrillic", {"targets": ["@асct"]}, 422, "/targets/0"),
    ("a post that is no number", {"targets": ["post:12a"]}, 422, "/targets/0"),
    ("a hashtag of zero-width characters", {"targets": ["#far\u200bmers"]}, 422, "/targets/0"),
    ("a hashtag that reads backwards", {"targets": ["#\u202efarmers"]}, 422, "/targets/0"),
    ("a hashtag of two words", {"targets": ["#two words"]}, 422, "/targets/0"),
    ("a URL that is a script", {"targets": ["javascript:alert(1)"]}, 422, "/targets/0"),
    ("a URL with a password", {"targets": ["https://user:pass@ex.org/"]}, 422, "/targets/0"),
    ("a URL without a host", {"targets": ["https:///p"]}, 422, "/targets/0"),
    ("a URL of another scheme", {"targets": [{"type": "url", "id": "file:///etc/passwd"}]}, 422, "/targets/0"),
    ("a target with half a character", {"targets": ["#\ud83d"]}, 422, "/targets/0"),
    ("a target with NUL", {"targets": ["@a\x00"]}, 422, "/targets/0"),
    ("a target too long to be one", {"targets": ["https://ex.org/" + "p" * 5000]}, 422, "/targets/0"),
    ("a reason too long", {"reason": "r" * 10_001}, 422, "/reason"),
    ("a reason with NUL", {"reason": "\x00"}, 422, "/reason"),
    ("a reason with half a character", {"reason": "\udfff"}, 422, "/reason"),
    ("a reason that is a list", {"reason": ["r"]}, 422, "/reason"),
    ("an unknown supplement", {"supplements": "dir_1"}, 422, "/supplements"),
    ("a supplement that is no id", {"supplements": "dir 1"}, 422, "/supplements"),
    ("a document without a hash", {"document": {"uri": "https://ex.org"}}, 422, "/document/sha256"),
    ("a document with a wrong hash", {"document": {"sha256": "A" * 64, "uri": "u"}}, 422, "/document/sha256"),
    ("a document without an address", {"document": {"sha256": "a" * 64, "uri": ""}}, 422, "/document/uri"),
    ("a document at too long an address", {"document": {"sha256": "a" * 64, "uri": "u" * 2049}}, 422, "/document/uri"),
    ("a document at NUL", {"document": {"sha256": "a" * 64, "uri": "\x00"}}, 422, "/document/uri"),
    ("a document with more fields", {"document": {"sha256": "a" * 64, "uri": "u", "body": ""}}, 422, "/document/body"),
    ("a text as sealed", {"sealed": "maybe"}, 422, "/sealed"),
]


@pytest.mark.parametrize(
    ("changes", "status", "pointer"), [pytest.param(*case, id=name.replace(" ", "-")) for name, *case in WRONG_FIELDS]
)
async def test_a_wrong_order_is_refused_at_the_field_at_fault_and_not_stored(
    sqlite_api: Api, changes: dict[str, Any], status: int, pointer: str
) -> None:
    response = await post_bytes(sqlite_api, json.dumps(order_json(**changes)).encode())

    refused = expect(response, status)
    assert refused["errors"][0]["pointer"] == pointer
    assert await nothing_is_stored(sqlite_api)


BROKEN_BODIES: list[tuple[str, bytes, int]] = [
    ("nothing", b"", 422),
    ("no JSON", b"{authority: in-meity}", 400),
    ("half of a body", b'{"authority": "in-meity"', 400),
    ("invalid UTF-8", b'{"authority": "\xff\xfe"}', 400),
    ("a body that is no object", b"[]", 422),
    ("null", b"null", 422),
    ("deep nesting", b'{"reason": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", 400),
    ("a number of many digits", b'{"targets": [' + b"9" * 5000 + b"]}", 400),
]


@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize(("content", "status"), [pytest.param(*case, id=name) for name, *case in BROKEN_BODIES])
async def test_a_body_that_cannot_be_read_is_refused(sqlite_api: Api, content: bytes, status: int, key: str | None) -> None:
    response = await post_bytes(sqlite_api, content, **({"Idempotency-Key": key} if key else {}))

    expect(response, status)
    assert await nothing_is_stored(sqlite_api)


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_what_json_does_not_have_is_no_value(sqlite_api: Api, literal: str) -> None:
    body = json.dumps(order_json(reason="@@")).replace('"@@"', literal)

    refused = expect(await post_bytes(sqlite_api, body.encode()), 422)

    assert refused["errors"][0]["pointer"] == "/reason"


async def test_a_body_over_the_limit_is_refused_by_its_announced_length(sqlite_api: Api) -> None:
    refused = expect(await post_bytes(sqlite_api, b" " * (MAX_BODY_BYTES + 1)), 413)

    assert refused["type"] == "urn:geowithhold:problem:content-too-large"
    assert await nothing_is_stored(sqlite_api)


async def test_a_body_over_the_limit_is_refused_while_it_arrives(sqlite_api: Api) -> None:
    sent = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 2 * MAX_BODY_BYTES:
            sent += 64 * 1024
            yield b" " * 64 * 1024

    expect(await post_bytes(sqlite_api, stream()), 413)

    assert await nothing_is_stored(sqlite_api)


async def test_a_body_of_another_type_is_not_guessed_at(sqlite_api: Api) -> None:
    content = json.dumps(order_json()).encode()

    expect(await post_bytes(sqlite_api, content, **{"Content-Type": "text/plain"}), 422)

    assert await nothing_is_stored(sqlite_api)


@pytest.mark.fault(44)
async def test_every_wrong_target_is_named_up_to_a_hundred(sqlite_api: Api) -> None:
    targets = [f"nonsense {number}" if number % 2 else f"@a{number}" for number in range(500)]

    refused = expect(await sqlite_api.client.post("/v1/directives", json=order_json(*targets)), 422)

    assert [error["pointer"] for error in refused["errors"]] == [f"/targets/{number}" for number in range(1, 200, 2)]
    assert "250" in refused["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("GET", "/", 404), ("DELETE", "/v1/directives", 405), ("PUT", "/v1/releases", 405)],
)
async def test_what_is_no_route_is_a_problem_document_too(sqlite_api: Api, method: str, path: str, status: int) -> None:
    expect(await sqlite_api.client.request(method, path), status)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/directives/import"),
        ("GET", "/v1/imports/imp_1"),
        ("GET", "/v1/imports/imp_1/events"),
        ("GET", "/v1/imports/imp_1/errors"),
    ],
)
async def test_a_route_whose_feature_does_not_exist_yet_says_so(sqlite_api: Api, method: str, path: str) -> None:
    refused = expect(await sqlite_api.client.request(method, path), 501)

    assert refused["type"] == "urn:geowithhold:problem:not-implemented"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/targets"), ({"targets": "undecided"}, "/targets"), ({"targets": ["@a"], "cause": "error"}, "/cause")],
)
async def test_a_wrong_rescission_is_refused_at_the_field_at_fault(sqlite_api: Api, body: Any, pointer: str) -> None:
    directive = await sqlite_api.submit(order_json())

    refused = await sqlite_api.post(f"/v1/directives/{directive['id']}/rescind", body, 422)

    assert refused["errors"][0]["pointer"] == pointer
