"""How much of a body is read, and for how long it is waited for.

The framework's own limit answers an announced length in plain text; ours is a problem document. Whoever is admitted holds room
that others wait for, those who release among them: a body that does not come must not hold it for ever.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOO_LARGE = 413
TOO_SLOW = 408

COMES_WITHIN = 30.0
"""Seconds for all of a body. The largest one takes as long at 6 Mbit/s."""

_DIGITS = 18
"""No length of more digits is worth converting."""


class BodyLimit:
    """ASGI middleware that stops reading a body at `limit` bytes, counted on the stream, or at once if it announces more; and
    when it has not come in time.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        too_large = announced.isdecimal() and (len(announced) > _DIGITS or int(announced) > self._limit)
        seen, complete = 0, False
        deadline = asyncio.get_running_loop().time() + COMES_WITHIN

        async def counted() -> Message:
            nonlocal seen, complete
            if too_large:
                raise self._refusal()
            message = await (receive() if complete else _in_time(receive, deadline))
            complete = not message.get("more_body")
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise self._refusal()
            return message

        await self._app(scope, counted, send)

    def _refusal(self) -> HTTPException:
        return HTTPException(TOO_LARGE, f"a body has at most {self._limit} bytes")


async def _in_time(receive: Receive, deadline: float) -> Message:
    """What comes of the body. `deadline` is in the time of the loop."""
    try:
        async with asyncio.timeout_at(deadline):
            return await receive()
    except TimeoutError:
        raise HTTPException(TOO_SLOW, "the body did not come in time", headers={"Connection": "close"}) from None
