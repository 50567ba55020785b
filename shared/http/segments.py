"""Routes see the path as it was sent, so that an encoded slash stays inside its segment: a URL is a target, too."""

from starlette.types import ASGIApp, Receive, Scope, Send


class EncodedSegments:
    """ASGI middleware that routes by the raw path. Path parameters arrive percent-encoded; who needs them decoded decodes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("raw_path"):
            scope["path"] = scope["raw_path"].decode("latin-1")
        await self._app(scope, receive, send)
