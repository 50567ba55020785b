"""How much of what is asked is taken on at a time: an honest refusal beats a promise without bound.

Promises
 1. Of each kind of work at most `Rooms` are under way at once and twice as many wait, none longer than `WAITS_AT_MOST`. Whoever
    comes on top is refused with 503 and told when to come back, before anything of it was begun or its body was read.
 2. Urgent work has room that no other may take; it takes a writer's first while one is free.
 3. What `Rules` leave out, probes above all, is never refused.
Does not promise: fairness among callers, or limits beyond one process.
Would break it: more room altogether than there are connections to the database, for then the urgent would wait for one.
"""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.problems import Kind, Refusal, respond

WAITS_AT_MOST = 2.0
WAITING_PER_ROOM = 2

BULK_BYTES = 64 * 1024
"""A body above it, or of unknown length, is bulk. Up to it a body may be looked into: the server has read so much anyway."""

COME_BACK_AFTER = (1, 5)
"""Seconds, drawn at random, so that those who were refused together do not come back together."""

NEVER = re.compile(r"(?!)")


class Work(StrEnum):
    READ = "read"
    WRITE = "write"
    BULK = "bulk"
    URGENT = "urgent"


class Reason(StrEnum):
    FULL = "full"
    WAITED = "waited"
    BACKLOG = "backlog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """How many requests of each kind may be under way at once."""

    read: int
    write: int
    bulk: int
    urgent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which kind of work a request is, by `METHOD /path`. Patterns match the whole of it.

    `looked_into` are those whose body decides whether they are urgent, by `is_urgent`; that is asked only when it matters.
    """

    free: re.Pattern[str] = re.compile(r"GET /(livez|readyz|metrics)")
    reads: re.Pattern[str] = re.compile(r"(GET|HEAD|OPTIONS) .*")
    urgent: re.Pattern[str] = NEVER
    looked_into: re.Pattern[str] = NEVER
    is_urgent: Callable[[bytes], bool] = lambda _body: False

    def work(self, scope: Scope) -> Work | None:
        asked = f"{scope['method']} {scope['path']}"
        if self.free.fullmatch(asked):
            return None
        if self.reads.fullmatch(asked):
            return Work.READ
        if self.urgent.fullmatch(asked):
            return Work.URGENT
        return Work.BULK if _is_bulk(Headers(scope=scope)) else Work.WRITE

    def hides(self, scope: Scope) -> bool:
        """Whether only its body can tell that the request is urgent."""
        return self.looked_into.fullmatch(f"{scope['method']} {scope['path']}") is not None


class AdmissionMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.admitted = Counter("geowithhold_requests_admitted", "Requests taken on.", ["work"], registry=registry)
        self.refused = Counter("geowithhold_requests_refused", "Requests refused unread.", ["work", "reason"], registry=registry)
        self.under_way = Gauge("geowithhold_requests_under_way", "Requests being worked on.", ["work"], registry=registry)
        self.waiting = Gauge("geowithhold_requests_waiting", "Requests that wait for room.", ["work"], registry=registry)
        for work in Work:
            self.admitted.labels(work)
            for reason in (Reason.FULL, Reason.WAITED):
                self.refused.labels(work, reason)

    def refuse(self, work: Work, reason: Reason, detail: str) -> Refusal:
        """The refusal, counted."""
        self.refused.labels(work, reason).inc()
        return Refusal(Kind.UNAVAILABLE, detail, retry_after=random.randint(*COME_BACK_AFTER))  # noqa: S311 (jitter)


class Admission:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, *, rooms: Rooms, rules: Rules, metrics: AdmissionMetrics) -> None:
        self._app = app
        self._rules = rules
        self._gates = {work: _Gate(work, getattr(rooms, work), metrics) for work in Work}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        work = self._rules.work(scope) if scope["type"] == "http" else None
        if work is None:
            await self._app(scope, receive, send)
            return
        try:
            gate, receive = await self._gate(work, scope, receive)
            async with gate.entered():
                await self._app(scope, receive, send)
        except _Refused as refused:
            await respond(refused.refusal)(scope, receive, send)

    async def _gate(self, work: Work, scope: Scope, receive: Receive) -> tuple["_Gate", Receive]:
        """Where the request has to pass. Urgent work passes where writers do as long as nobody waits there."""
        ordinary = self._gates[Work.WRITE]
        if work is Work.URGENT:
            return (ordinary if ordinary.is_open else self._gates[work]), receive
        if work is Work.WRITE and not ordinary.is_open and self._rules.hides(scope):
            body, receive = await _looked_into(receive)
            return (self._gates[Work.URGENT] if self._rules.is_urgent(body) else ordinary), receive
        return self._gates[work], receive


class _Refused(Exception):
    """Raised by a gate alone, so that no refusal of the application is taken for one of ours."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


class _Gate:
    def __init__(self, work: Work, at_once: int, metrics: AdmissionMetrics) -> None:
        self._work = work
        self._room = asyncio.Semaphore(at_once)
        self._queue = WAITING_PER_ROOM * at_once
        self._metrics = metrics
        self._waiting = 0
        metrics.waiting.labels(work).set_function(lambda: self._waiting)

    @property
    def is_open(self) -> bool:
        """Whether somebody who comes now need not wait."""
        return not self._room.locked()

    @asynccontextmanager
    async def entered(self) -> AsyncIterator[None]:
        """Raises _Refused instead of waiting too long, or in too long a queue."""
        if not self.is_open:
            await self._wait()
        else:
            await self._room.acquire()
        self._metrics.admitted.labels(self._work).inc()
        try:
            with self._metrics.under_way.labels(self._work).track_inprogress():
                yield
        finally:
            self._room.release()

    async def _wait(self) -> None:
        if self._waiting >= self._queue:
            raise self._refused(Reason.FULL)
        self._waiting += 1
        try:
            async with asyncio.timeout(WAITS_AT_MOST):
                await self._room.acquire()
        except TimeoutError:
            raise self._refused(Reason.WAITED) from None
        finally:
            self._waiting -= 1

    def _refused(self, reason: Reason) -> _Refused:
        return _Refused(self._metrics.refuse(self._work, reason, "too much is under way; nothing of this was done: try again"))


def _is_bulk(headers: Headers) -> bool:
    length = headers.get("content-length", "" if "transfer-encoding" in headers else "0")
    return not length.isdecimal() or len(length) > len(str(BULK_BYTES)) or int(length) > BULK_BYTES


async def _looked_into(receive: Receive) -> tuple[bytes, Receive]:
    """The body, as far as it comes in time, and who gives it again."""
    held: list[Message] = []
    try:
        async with asyncio.timeout(WAITS_AT_MOST):
            while not held or held[-1].get("more_body"):
                held.append(await receive())
    except TimeoutError:
        pass
    body = b"".join(message.get("body", b"") for message in held)

    async def again() -> Message:
        return held.pop(0) if held else await receive()

    return body, again
