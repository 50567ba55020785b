"""What HTTP shows of an ending process: connections are given up, and a request that cannot be finished is told so."""

import asyncio

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.ending import Ending
from shared.http.problems import Kind, Refusal, respond

UNFINISHED = "the outcome is unknown: send the same request again with the same Idempotency-Key"


class Draining:
    """ASGI middleware. Once the end has begun, each answer is the last one of its connection, so that no request is sent on a
    connection that is about to be closed. A request that the deadline of the drain cuts off is answered all the same.
    """

    def __init__(self, app: ASGIApp, ending: Ending) -> None:
        self._app = app
        self._ending = ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answered = False

        async def last(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                if self._ending.begun:
                    MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, last)
        except asyncio.CancelledError:
            if answered or not self._ending.begun:
                raise
            await respond(Refusal(Kind.OUTCOME_UNKNOWN, UNFINISHED))(scope, receive, last)
