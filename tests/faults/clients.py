"""What makes clients talk: over HTTP, with deadlines, again under the same key when an answer is lost, and sometimes not again.

A client that gives up never learns what became of its request. The history has every attempt.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.faults.generator import Client
from tests.faults.history import Attempt, Body, History, Request

ANSWER_WITHIN = 8.0
GIVES_UP = 0.08
"""How likely a client is not to ask again after an answer that was lost."""

MOST_TRIES = 60
LONGEST_PAUSE = 2.0


@dataclass
class Pace:
    """Spreads the acts over the time there is, so that faults meet work to the end."""

    history: History
    acts: int
    seconds: float
    stop: asyncio.Event

    def __post_init__(self) -> None:
        self._began = time.monotonic()

    @property
    def done(self) -> bool:
        return self.history.acts >= self.acts

    async def wait(self) -> None:
        """Until the acts so far are no more than the time that has gone by allows."""
        if self.acts:
            ahead = self.history.acts / self.acts * self.seconds - (time.monotonic() - self._began)
            await asyncio.sleep(min(max(0.0, ahead), 1.0))


class Talk:
    """One client's conversation. It may be stopped between two requests."""

    def __init__(self, client: Client, history: History, urls: Callable[[], Sequence[str]]) -> None:
        self._client = client
        self._history = history
        self._urls = urls

    async def work(self, pace: Pace) -> None:
        async with httpx2.AsyncClient(timeout=ANSWER_WITHIN) as http:
            while not pace.stop.is_set():
                await pace.wait()
                await self._carry_out(http, self._client.next())

    async def _carry_out(self, http: httpx2.AsyncClient, request: Request) -> None:
        self._history.asked(request)
        for attempt in range(1, MOST_TRIES):
            told = await self._ask(http, request)
            self._history.ended(request, told)
            if told.status is not None and told.status < 300:
                self._history.acts += self._client.absorb(request, told.body or {})
                return
            if told.status is not None and told.status < 500 and told.status != 429:
                break
            if self._client.chance.random() < GIVES_UP:
                break
            await asyncio.sleep(self._client.chance.uniform(0.0, min(LONGEST_PAUSE, 0.1 * 2**attempt)))
        self._client.forget(request)

    async def _ask(self, http: httpx2.AsyncClient, request: Request) -> Attempt:
        sent_at = time.time()
        url = self._client.chance.choice(self._urls()) + request.path
        try:
            answer = await http.post(url, json=request.body, headers={"Idempotency-Key": request.key})
            return Attempt(sent_at=sent_at, ended_at=time.time(), status=answer.status_code, body=_body(answer))
        except (httpx2.TransportError, ValueError) as error:
            return Attempt(sent_at=sent_at, ended_at=time.time(), lost=repr(error)[:200])


def _body(answer: httpx2.Response) -> Body:
    """The document; of a refusal what it says, without the faults of each of a thousand targets."""
    body: Any = answer.json()
    return dict(body) if answer.is_success else {"type": body.get("type"), "detail": str(body.get("detail"))[:300]}
