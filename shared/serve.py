"""Runs an HTTP application until the process is told to stop, then drains it.

Promises, after SIGTERM or SIGINT, in this order: `/readyz` says no; requests are served for `unready_for` seconds more; nothing
more is accepted; requests under way get `DRAIN_SECONDS`, and what is not done by then is answered that its outcome is unknown;
the lifespan ends, and with it background work and connections; the exit status is 0.
Does not promise: anything before it listens, when there is nothing to drain; nor any answer beyond the outer fence, so many
connections that even a probe is refused. Admission refuses long before.
Would break it: a handler for these signals set elsewhere while the application runs.
"""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from shared.ending import GONE, Ending
from shared.settings import CommonSettings

DRAIN_SECONDS = 20


HANDLED = (signal.SIGTERM, signal.SIGINT)


class Server(uvicorn.Server):
    """uvicorn's own answer to a signal is to accept nothing more at once, and to die of the signal in the end."""

    def __init__(self, config: uvicorn.Config, ending: Ending, unready_for: float) -> None:
        super().__init__(config)
        self._ending = ending
        self._unready_for = unready_for

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Whoever tells a process that has drained, and is only leaving, changes nothing about its status."""
        for sig in HANDLED:
            signal.signal(sig, self.handle_exit)
        try:
            yield
        finally:
            for sig in HANDLED:
                signal.signal(sig, _leave)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 (the signature of a handler)
        self.should_exit = True
        if self._ending.tell() >= GONE:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._ending.wait_for_senders(self._unready_for)
        await super().shutdown(sockets)


def serve(app: FastAPI, settings: CommonSettings, *, port: int, routed: bool = True) -> None:
    """Blocks until SIGTERM or SIGINT, and until the process has drained. `routed` says whether others send requests to it."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=DRAIN_SECONDS,
        limit_concurrency=settings.max_connections,
        server_header=False,
    )
    Server(config, app.state.ending, settings.unready_for if routed else 0.0).run()


def _leave(_sig: int, _frame: FrameType | None) -> None:
    os._exit(0)
