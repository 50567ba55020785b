"""A subscriber's HTTP server: it keeps what it got, and answers as told."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Posted:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Receiver:
    """`answers` says what each request gets, in their order; after that 204. None answers nothing, for ever."""

    port: int = 0
    answers: list[bytes | None] = field(default_factory=list)
    posted: list[Posted] = field(default_factory=list)
    under_way: int = 0
    most_at_once: int = 0
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.posted.append(await _read(reader))
            await self._answer(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        try:
            await asyncio.wait_for(self.go_on.wait(), 10)
            answer = self.answers.pop(0) if self.answers else status(204)
            if answer is None:
                await asyncio.sleep(60)
                return
            writer.write(answer)
            await writer.drain()
        finally:
            self.under_way -= 1


def status(code: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} Said", "Content-Length: 0", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _read(reader: asyncio.StreamReader) -> Posted:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    request, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Posted(request.split(" ")[1], headers, body)


@asynccontextmanager
async def receiving(*answers: bytes | None, tls: ssl.SSLContext | None = None, held: bool = False) -> AsyncIterator[Receiver]:
    """A server on this machine. One that is `held` answers nothing before `go_on` is set."""
    receiver = Receiver(answers=list(answers))
    if not held:
        receiver.go_on.set()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(receiver.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
