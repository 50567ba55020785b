"""What is let in, what waits, what is refused; on applications that do as they are told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message, Receive, Scope, Send

from services.blocklist.api.urgency import rules as blocklist_rules
from services.blocklist.settings import BlocklistSettings
from shared.http import admission
from shared.http.admission import BULK_BYTES, COME_BACK_AFTER, Admission, AdmissionMetrics, Rooms, Rules, Work
from shared.registry import load_registry
from tests.support.eventually import eventually

ROOMS = Rooms(read=1, write=2, bulk=1, urgent=1)
BLOCKLIST = blocklist_rules(load_registry())

GET = "GET /v1/directives"
ORDER = "POST /v1/directives"
RELEASE = "POST /v1/releases"
CHECK = "POST /v1/withholdings/check"

BLOCK = json.dumps({"kind": "block", "legal_basis": "in-it-act-69a", "targets": ["@a"]}).encode()
UNBLOCK = json.dumps({"kind": "unblock", "legal_basis": "in-it-act-69a"}).encode()
EMERGENCY = json.dumps({"kind": "block", "legal_basis": "in-it-act-69a-emergency"}).encode()


def scope_of(asked: str, length: int | None = 0) -> Scope:
    method, path = asked.split(" ")
    headers = [(b"transfer-encoding", b"chunked")] if length is None else [(b"content-length", str(length).encode())]
    return {"type": "http", "method": method, "path": path, "headers": headers}


@dataclass
class Server:
    """An application in which each request stays until `go` is set, behind an admission."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    rules: Rules = BLOCKLIST
    rooms: Rooms = ROOMS
    inside: int = 0
    most: int = 0
    bodies: list[bytes] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list["asyncio.Task[Message]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.door = Admission(self.answer, rooms=self.rooms, rules=self.rules, metrics=AdmissionMetrics(self.registry))

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.bodies.append((await receive()).get("body", b""))
        await self.go.wait()
        self.inside -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def ask(self, asked: str, body: bytes = b"", length: int | None = -1) -> Message:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.door(scope_of(asked, len(body) if length == -1 else length), receive, send)
        return sent[0]

    async def come(self, *asked: str, body: bytes = b"", length: int | None = -1) -> None:
        """Sends these, and returns once each is inside, waits or was answered."""
        self.tasks += [asyncio.create_task(self.ask(each, body, length)) for each in asked]
        for _ in range(10):
            await asyncio.sleep(0)

    async def statuses(self) -> list[int]:
        self.go.set()
        return [message["status"] for message in await asyncio.gather(*self.tasks)]

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"geowithhold_requests_{name}", labels) or 0.0


@asynccontextmanager
async def serving(**changes: Any) -> AsyncIterator[Server]:
    server = Server(**changes)
    yield server
    await server.statuses()


async def test_so_many_work_twice_as_many_wait_and_the_rest_is_refused() -> None:
    async with serving() as server:
        await server.come(*[ORDER] * 9, body=BLOCK)
        seen = (server.inside, server.count("waiting", work="write"), server.count("under_way", work="write"))

        assert seen == (2, 4, 2)
        assert sorted(await server.statuses()) == [200] * 6 + [503] * 3
        assert server.most == 2
        assert server.count("admitted_total", work="write") == 6
        assert server.count("refused_total", work="write", reason="full") == 3


async def test_who_is_refused_gets_a_problem_and_is_told_when_to_come_back() -> None:
    async with serving() as server:
        await server.come(*[GET] * 3)

        refused = await server.ask(GET)

    headers = dict(refused["headers"])
    low, high = COME_BACK_AFTER
    assert (refused["status"], headers[b"content-type"]) == (503, b"application/problem+json")
    assert low <= int(headers[b"retry-after"]) <= high


async def test_nobody_waits_longer_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WAITS_AT_MOST", 0.02)
    async with serving() as server:
        await server.come(GET, GET)

        await eventually(server.tasks[1].done)

        assert await server.statuses() == [200, 503]
        assert server.count("refused_total", work="read", reason="waited") == 1
        assert server.count("waiting", work="read") == 0


async def test_no_kind_of_work_keeps_another_from_its_room() -> None:
    async with serving() as server:
        await server.come(*[GET] * 4)
        await server.come(*[ORDER] * 7, body=BLOCK)
        await server.come(*[ORDER] * 4, length=BULK_BYTES + 1)
        await server.come(*[RELEASE] * 1)

        assert server.inside == 1 + 2 + 1 + 1


async def test_what_releases_takes_a_writers_room_first_and_then_its_own() -> None:
    async with serving() as server:
        await server.come(RELEASE)
        await server.come(ORDER, ORDER, ORDER, body=BLOCK)
        await server.come(RELEASE)

        assert server.count("under_way", work="write") == 2
        assert server.count("under_way", work="urgent") == 1
        assert server.count("waiting", work="write") == 2


@pytest.mark.parametrize(
    ("body", "urgent"), [(UNBLOCK, True), (EMERGENCY, True), (BLOCK, False), (b"{", False), (b"\xff", False)]
)
async def test_of_a_directive_its_body_says_whether_it_can_wait(body: bytes, urgent: bool) -> None:
    async with serving() as server:
        await server.come(ORDER, ORDER, body=BLOCK)

        await server.come(ORDER, body=body)

        assert server.count("under_way", work="urgent") == urgent
        assert server.count("waiting", work="write") == (not urgent)
        assert await server.statuses() == [200, 200, 200]
        assert server.bodies == [BLOCK, BLOCK, body]


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WAITS_AT_MOST", 0.02)
    parts: list[Message] = [{"type": "http.request", "body": UNBLOCK[:5], "more_body": True}]

    async def receive() -> Message:
        if parts:
            return parts.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        answers.append(message)

    answers: list[Message] = []
    async with serving() as server:
        await server.come(ORDER, ORDER, body=BLOCK)

        await server.door(scope_of(ORDER, len(UNBLOCK)), receive, send)

        assert answers[0]["status"] == 503


@pytest.mark.parametrize("asked", ["GET /livez", "GET /readyz", "GET /metrics"])
async def test_probes_are_never_refused(asked: str) -> None:
    async with serving() as server:
        await server.come(*[asked] * 50)

        assert server.inside == 50


async def test_what_is_no_request_passes() -> None:
    passed: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(scope)

    door = Admission(app, rooms=ROOMS, rules=Rules(), metrics=AdmissionMetrics(CollectorRegistry()))
    lifespan: Scope = {"type": "lifespan"}

    await door(lifespan, Server().answer, Server().answer)  # type: ignore[arg-type]

    assert passed == [lifespan]


async def test_a_refusal_of_the_application_is_its_own() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise LookupError

    door = Admission(app, rooms=ROOMS, rules=Rules(), metrics=AdmissionMetrics(CollectorRegistry()))

    for _ in range(10):  # more than there is room for: each has left it
        with pytest.raises(LookupError):
            await door(scope_of(GET), Server().answer, Server().answer)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "length", "work"),
    [
        (GET, 0, Work.READ),
        (CHECK, 10**6, Work.READ),
        (ORDER, BULK_BYTES, Work.WRITE),
        (ORDER, BULK_BYTES + 1, Work.BULK),
        (ORDER, None, Work.BULK),
        (RELEASE, 10**6, Work.URGENT),
        ("POST /v1/directives/dir_1/decisions", 10, Work.WRITE),
        *((f"POST /v1/directives/dir_1/{act}", 10, Work.URGENT) for act in ("rescind", "quash", "stay")),
        *((f"POST /v1/directives/dir_1/{act}", 10, Work.WRITE) for act in ("unstay", "confirm", "supersede")),
        ("POST /v1/batches/bat_1/undo", 10, Work.URGENT),
        ("POST /v1/appeals/app_1/outcome", 10, Work.URGENT),
        ("POST /v1/publishing/stop", 10, Work.URGENT),
        ("GET /metrics", 0, None),
        ("POST /metrics", 0, Work.WRITE),
    ],
)
def test_each_request_of_the_blocklist_is_one_kind_of_work(asked: str, length: int | None, work: Work | None) -> None:
    assert BLOCKLIST.work(scope_of(asked, length)) is work


@pytest.mark.parametrize("length", ["x", "9" * 40, "-1", "1e3"])
def test_a_length_that_makes_no_sense_is_bulk(length: str) -> None:
    scope: Scope = {**scope_of(ORDER), "headers": [(b"content-length", length.encode())]}

    assert Rules().work(scope) is Work.BULK


def test_there_are_connections_for_all_that_is_let_in_and_some_for_what_runs_beside_it() -> None:
    settings = BlocklistSettings()
    rooms = settings.rooms

    assert rooms.read + rooms.write + rooms.bulk + rooms.urgent <= settings.database_connections - 3
    assert admission.WAITS_AT_MOST <= 2
    assert admission.WAITING_PER_ROOM <= 2


async def test_room_is_given_back_by_who_hangs_up() -> None:
    async with serving() as server:
        await server.come(GET)
        server.tasks.pop().cancel()
        await server.come(GET)

        assert server.count("under_way", work="read") == 1
