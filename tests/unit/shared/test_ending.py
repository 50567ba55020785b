"""What is done while a process ends; that a real one does it is shown in `tests/faults/test_sigterm.py`."""

import asyncio
import json
import time

import pytest
from starlette.types import Message, Receive, Scope, Send

from shared.ending import Ending
from shared.http.ending import UNFINISHED, Draining

HTTP: Scope = {"type": "http", "method": "GET", "path": "/"}


class Wire:
    """What a server would have sent."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def receive(self) -> Message:
        return {"type": "http.disconnect"}

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])


async def start(send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    await start(send)


async def hanging(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


async def hanging_in_its_answer(scope: Scope, receive: Receive, send: Send) -> None:
    await start(send)
    await asyncio.Event().wait()


def told(times: int = 1) -> Ending:
    ending = Ending()
    for _ in range(times):
        ending.tell()
    return ending


async def test_a_process_that_does_not_end_keeps_its_connections() -> None:
    wire = Wire()

    await Draining(answering, Ending())(HTTP, wire.receive, wire.send)

    assert wire.headers == {}


async def test_once_the_end_has_begun_each_answer_is_the_last_of_its_connection() -> None:
    wire = Wire()

    await Draining(answering, told())(HTTP, wire.receive, wire.send)

    assert (wire.status, wire.headers) == (200, {b"connection": b"close"})


async def test_what_is_no_request_is_left_alone() -> None:
    wire = Wire()

    await Draining(answering, told())({"type": "lifespan"}, wire.receive, wire.send)

    assert wire.headers == {}


async def test_a_request_that_the_deadline_cuts_off_is_told_that_its_outcome_is_unknown() -> None:
    wire = Wire()
    request = asyncio.create_task(Draining(hanging, told())(HTTP, wire.receive, wire.send))
    await asyncio.sleep(0)

    request.cancel()
    await request

    body = json.loads(wire.sent[1]["body"])
    assert (wire.status, body["detail"], wire.headers[b"retry-after"]) == (503, UNFINISHED, b"1")


@pytest.mark.parametrize(("app", "times"), [(hanging, 0), (hanging_in_its_answer, 1)])
async def test_any_other_cancellation_goes_through(app: object, times: int) -> None:
    wire = Wire()
    request = asyncio.create_task(Draining(app, told(times))(HTTP, wire.receive, wire.send))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request


async def test_who_is_told_once_waits_for_senders() -> None:
    began = time.monotonic()

    await told().wait_for_senders(0.1)

    assert time.monotonic() - began >= 0.1


async def test_who_is_told_twice_does_not_and_stops_waiting() -> None:
    ending = told()
    async with asyncio.timeout(5):
        waiting = asyncio.create_task(ending.wait_for_senders(600))
        await asyncio.sleep(0)
        ending.tell()
        await waiting
        await told(2).wait_for_senders(600)
