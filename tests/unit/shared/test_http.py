"""The HTTP plumbing on an application of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import structlog
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from starlette.requests import Request as StarletteRequest

from shared.db import OutcomeUnknown
from shared.http import problems
from shared.http.app import MAX_BODY_BYTES, add_probes, create_http_app
from shared.http.fields import Line, Model, Time, read_jurisdictions
from shared.http.pages import decode_cursor, page
from shared.http.problems import Fault, Kind, Refusal, document
from tests.support.blocklist import silence_logs


class Body(Model):
    text: Line = "x"
    at: Time | None = None


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    silence_logs()
    yield
    structlog.reset_defaults()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def app(registry: CollectorRegistry) -> FastAPI:
    made = create_http_app(title="t", description="d", registry=registry, lifespan=lifespan)

    async def readiness() -> dict[str, Any]:
        return {"ready": False, "why": "test"}

    async def refresh() -> None:
        return None

    @made.post("/echo")
    async def echo(body: Body) -> dict[str, Any]:
        return body.model_dump(mode="json")

    @made.post("/stream")
    async def stream(request: Request) -> int:
        return len(await request.body())

    @made.get("/segment/{name}/end")
    async def segment(name: str) -> str:
        return name

    @made.api_route("/raise/{what}", methods=["GET", "PUT", "POST"])
    async def fail(what: str) -> None:
        raise {
            "refusal": Refusal(Kind.CONFLICT, "no", (Fault("here", pointer="/a"),), {"more": 1}),
            "unknown": OutcomeUnknown(),
            "advised": OutcomeUnknown("ask the oracle"),
            "outage": ConnectionRefusedError(),
            "bug": RuntimeError("internal detail"),
        }[what]

    add_probes(made, registry=registry, readiness=readiness, refresh=refresh)
    return made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://t") as made:
        yield made


@pytest.mark.parametrize("segment", ["a%2Fb", "%2e%2e", "a:b", "%E0%A4%95", "a%2525b"])
async def test_an_encoded_segment_arrives_as_it_was_sent(client: httpx2.AsyncClient, segment: str) -> None:
    assert (await client.get(f"/segment/{segment}/end")).json() == segment


async def test_a_refusal_becomes_its_document(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/raise/refusal")

    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    assert answer.json() == {
        "type": "urn:geowithhold:problem:conflict",
        "title": "The request does not fit the present state",
        "status": 409,
        "detail": "no",
        "errors": [{"pointer": "/a", "detail": "here"}],
        "more": 1,
    }


@pytest.mark.parametrize(
    ("method", "what", "advice"),
    [
        ("PUT", "unknown", "send the same request again"),
        ("POST", "unknown", "look before"),
        ("POST", "advised", "ask the oracle"),
    ],
)
async def test_an_unknown_outcome_tells_how_to_find_out(client: httpx2.AsyncClient, method: str, what: str, advice: str) -> None:
    answer = await client.request(method, f"/raise/{what}")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"] == "urn:geowithhold:problem:outcome-unknown"
    assert advice in answer.json()["detail"]


@pytest.mark.parametrize(("what", "status"), [("outage", 503), ("bug", 500)])
async def test_what_was_not_foreseen_shows_nothing_internal(client: httpx2.AsyncClient, what: str, status: int) -> None:
    answer = await client.get(f"/raise/{what}")

    assert answer.status_code == status
    assert "internal detail" not in answer.text


async def test_every_kind_of_refusal_has_a_document() -> None:
    documents = [document(Refusal(kind, "d")) for kind in Kind]

    assert len({found["type"] for found in documents}) == len(Kind)
    assert all(found["status"] >= 400 and found["title"] for found in documents)


@pytest.mark.parametrize("handler", [problems.on_refusal, problems.on_invalid, problems.on_http])
async def test_a_handler_refuses_an_error_that_is_not_its_own(handler: Any) -> None:
    with pytest.raises(TypeError, match="LookupError"):
        await handler(StarletteRequest({"type": "http"}), LookupError())


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 413)])
async def test_a_body_is_read_up_to_the_limit(client: httpx2.AsyncClient, more: int, status: int) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 65536):
            yield b" " * 65536
        yield b" " * more

    announced = await client.post("/stream", content=b" " * (MAX_BODY_BYTES + more))
    counted = await client.post("/stream", content=chunks())

    assert (announced.status_code, counted.status_code) == (status, status)


async def test_a_lying_length_is_counted_all_the_same(client: httpx2.AsyncClient) -> None:
    lying = await client.post("/stream", content=b" " * (MAX_BODY_BYTES + 1), headers={"Content-Length": "5"})
    absurd = await client.post("/stream", content=b" ", headers={"Content-Length": "9" * 5000})

    assert (lying.status_code, absurd.status_code) == (413, 413)


@pytest.mark.fault(40)
async def test_a_body_that_does_not_come_in_time_makes_room_for_others(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.http.body_limit.COMES_WITHIN", 0.01)

    async def half() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.post("/stream", content=half())

    assert (answer.status_code, answer.headers["connection"]) == (408, "close")
    assert answer.json()["detail"] == "the body did not come in time"


async def test_a_process_that_is_not_ready_says_why(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"ready": False, "why": "test"})


async def test_a_failed_request_is_counted_as_such(client: httpx2.AsyncClient, registry: CollectorRegistry) -> None:
    await client.get("/raise/bug")
    await client.get("/raise/refusal")

    counted = {
        status: registry.get_sample_value(
            "geowithhold_http_requests_total", {"method": "GET", "route": "/raise/{what}", "status": status}
        )
        for status in ("500", "409")
    }
    assert counted == {"500": 1.0, "409": 1.0}


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2021-01-31T07:10:00Z", "2021-01-31T07:10:00Z"),
        ("2021-01-31T07:10:00.25+05:30", "2021-01-31T01:40:00.250000Z"),
        ("2021-01-31t07:10:00z", "2021-01-31T07:10:00Z"),
        ("2021-01-31 07:10:00+00:00", "2021-01-31T07:10:00Z"),
    ],
)
async def test_a_time_is_kept_in_utc(client: httpx2.AsyncClient, sent: str, stored: str) -> None:
    assert (await client.post("/echo", json={"at": sent})).json()["at"] == stored


@given(st.lists(st.one_of(st.integers(-(2**63) + 1, 2**63 - 1), st.text(st.characters(codec="utf-8", exclude_characters="\0")))))
def test_a_cursor_comes_back_as_the_position_it_was_made_from(position: list[int | str]) -> None:
    made = page([1, 2], 1, lambda _: position, str)

    assert made["items"] == ["1"]
    assert decode_cursor(made["next"], [type(part)() for part in position]) == position


def test_the_last_page_has_no_next() -> None:
    assert page([1, 2], 2, lambda row: [row], str) == {"items": ["1", "2"], "next": None}
    assert page([], 2, lambda row: [row], str) == {"items": [], "next": None}


@given(st.text(max_size=50))
def test_no_text_but_a_cursor_is_taken_for_one(text: str) -> None:
    with pytest.raises(Refusal, match="not a cursor"):
        decode_cursor(text, ["", 0])


def test_no_jurisdiction_never_means_everywhere() -> None:
    with pytest.raises(Refusal, match="at least one"):
        read_jurisdictions([])
