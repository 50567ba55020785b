"""How much of a body is read. The framework's own limit answers an announced length in plain text; ours is a problem document."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOO_LARGE = 413

_DIGITS = 18
"""No length of more digits is worth converting."""


class BodyLimit:
    """ASGI middleware that stops reading a body at `limit` bytes, counted on the stream, or at once if it announces more."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        too_large = announced.isdecimal() and (len(announced) > _DIGITS or int(announced) > self._limit)
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            if too_large:
                raise self._refusal()
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise self._refusal()
            return message

        await self._app(scope, counted, send)

    def _refusal(self) -> HTTPException:
        return HTTPException(TOO_LARGE, f"a body has at most {self._limit} bytes")
