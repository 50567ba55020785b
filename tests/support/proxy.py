"""A TCP proxy that misbehaves on demand: it stands between a client and its server, and does to the bytes what networks do.

Promises: bytes pass in order and unchanged, or not at all. What took effect is counted in `took`, so that a test can assert that
its fault happened. Would break it: blocking the event loop that it runs on.
"""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from pathlib import Path

HOST = "127.0.0.1"
_CHUNK = 64 * 1024

Upstream = tuple[str, int] | Path
"""Where the server is: host and port, or a unix socket."""


class Direction(Enum):
    TO_SERVER = "to_server"
    TO_CLIENT = "to_client"


class Effect(StrEnum):
    """What `took` counts."""

    CONNECTED = "connected"
    DELAYED = "delayed"
    HALF_OPENED = "half_opened"
    HELD_BACK = "held_back"
    RESET = "reset"
    CUT = "cut"


@dataclass(slots=True)
class _Trigger:
    """Cuts one connection, once: after `left` more bytes in one direction, or when `pattern` has passed there."""

    direction: Direction
    left: int = 0
    pattern: bytes = b""
    answered: bool = False


@dataclass(eq=False, slots=True)
class _Link:
    """One client's connection. `doomed`: cut as soon as the server answers. `seen`: the end of what passed, for patterns."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    doomed: bool = False
    seen: dict[Direction, bytes] = field(default_factory=lambda: dict.fromkeys(Direction, b""))

    def abort(self) -> None:
        for writer in filter(None, (self.client, self.server)):
            _reset(writer)


class Proxy:
    """Forwards until told otherwise. Every verb holds for connections to come and for those that there are."""

    def __init__(self, upstream: Upstream) -> None:
        self.took: Counter[Effect] = Counter()
        self.after_cut: Callable[[], object] = bool
        """Called right after a connection was cut: for what is to hold from that moment on."""
        self.port = 0
        self._upstream = upstream
        self._latency = 0.0
        self._resets = False
        self._accepts, self._forwards = asyncio.Event(), asyncio.Event()
        self._triggers: list[_Trigger] = []
        self._links: dict[_Link, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None
        self.restore()

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def restore(self) -> None:
        """Forwards again, what was held back first. A port that `refuse` closed stays closed until `listen`."""
        self._latency, self._resets = 0.0, False
        self._triggers.clear()
        self._accepts.set()
        self._forwards.set()

    def latency(self, seconds: float) -> None:
        """Every chunk waits this long, in both directions."""
        self._latency = seconds

    def half_open(self) -> None:
        """New connections are accepted and hear nothing until `restore`."""
        self._accepts.clear()

    def black_hole(self) -> None:
        """No byte passes until `restore`, while every connection stays."""
        self._forwards.clear()
        self._accepts.clear()

    def reset_new(self) -> None:
        """New connections are accepted and reset at once."""
        self._resets = True

    def cut(self) -> int:
        """Resets every connection now. Answers how many."""
        links = list(self._links)
        for link in links:
            self._cut(link)
        return len(links)

    def cut_after(self, count: int, direction: Direction) -> None:
        """From now on `count` more bytes pass in this direction, then the connection that brought the last is reset."""
        self._triggers.append(_Trigger(direction, left=count))

    def cut_at(self, pattern: bytes, direction: Direction = Direction.TO_SERVER) -> None:
        """The next chunk in which `pattern` ends is thrown away and its connection is reset: the server never gets it."""
        self._triggers.append(_Trigger(direction, pattern=pattern))

    def cut_answer_to(self, pattern: bytes) -> None:
        """The next request with `pattern` reaches the server; its connection is reset once the server has answered, unheard."""
        self._triggers.append(_Trigger(Direction.TO_SERVER, pattern=pattern, answered=True))

    async def refuse(self) -> None:
        """The port is closed: connections are refused, those that there are are reset. Whoever is refused is not counted."""
        if self._server is not None:
            self._server.close()
        self.cut()

    async def listen(self) -> None:
        """Opens the port, the same one as before."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port, limit=_CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self.restore()
        await self.refuse()
        for task in list(self._links.values()):
            task.cancel()
        await asyncio.gather(*self._links.values(), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if self._resets or task is None:
            self.took[Effect.RESET] += 1
            _reset(writer)
            return
        link = _Link(writer)
        self._links[link] = task
        try:
            await self._joined(link, reader)
        except (OSError, asyncio.CancelledError):
            pass  # a broken connection is what this is for, and only `close` cancels
        finally:
            link.abort()
            del self._links[link]

    async def _joined(self, link: _Link, reader: asyncio.StreamReader) -> None:
        if not self._accepts.is_set():
            self.took[Effect.HALF_OPENED] += 1
            await self._accepts.wait()
        answers, link.server = await _open(self._upstream)
        self.took[Effect.CONNECTED] += 1
        await asyncio.gather(
            self._pump(link, Direction.TO_SERVER, reader, link.server),
            self._pump(link, Direction.TO_CLIENT, answers, link.client),
        )

    async def _pump(self, link: _Link, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Passes on what comes. Its end is passed on too, after all of it."""
        while chunk := await reader.read(_CHUNK):
            await self._held_back()
            passing, cut = self._passing(link, direction, chunk)
            writer.write(passing)
            await writer.drain()
            if cut:
                self._cut(link)
                return
        writer.write_eof()

    async def _held_back(self) -> None:
        if self._latency:
            self.took[Effect.DELAYED] += 1
            await asyncio.sleep(self._latency)
        if not self._forwards.is_set():
            self.took[Effect.HELD_BACK] += 1
            await self._forwards.wait()

    def _passing(self, link: _Link, direction: Direction, chunk: bytes) -> tuple[bytes, bool]:
        """What of the chunk goes on, and whether the connection is to be cut then."""
        if link.doomed and direction is Direction.TO_CLIENT:
            return b"", True
        seen = link.seen[direction] + chunk
        link.seen[direction] = seen[-_CHUNK:]
        for trigger in [trigger for trigger in self._triggers if trigger.direction is direction]:
            if trigger.pattern and trigger.pattern in seen[-len(chunk) - len(trigger.pattern) + 1 :]:
                self._triggers.remove(trigger)
                link.doomed = trigger.answered
                return (chunk, False) if trigger.answered else (b"", True)
            if not trigger.pattern:
                trigger.left -= len(chunk)
                if trigger.left <= 0:
                    self._triggers.remove(trigger)
                    return chunk[: len(chunk) + trigger.left], True
        return chunk, False

    def _cut(self, link: _Link) -> None:
        self.took[Effect.CUT] += 1
        link.abort()
        self.after_cut()


@asynccontextmanager
async def proxied(upstream: Upstream) -> AsyncIterator[Proxy]:
    """A proxy on a port of its own, in front of `upstream`."""
    proxy = Proxy(upstream)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()


async def _open(upstream: Upstream) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(upstream, Path):
        return await asyncio.open_unix_connection(str(upstream), limit=_CHUNK)
    return await asyncio.open_connection(*upstream, limit=_CHUNK)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends the connection as a crash does: with a reset and no farewell."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_INET and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
