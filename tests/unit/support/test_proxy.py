"""The proxy does what its verbs say, for whoever builds tests on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.proxy import Direction, Effect, Proxy, proxied

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that answers every chunk with itself, and remembers all that it got."""

    def __init__(self) -> None:
        self.got = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(4096):
                self.got += chunk
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with server, proxied(server.sockets[0].getsockname()) as proxy:
        yield proxy


@asynccontextmanager
async def connected(proxy: Proxy) -> AsyncIterator[Stream]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def said(stream: Stream, sent: bytes) -> bytes:
    """What comes back: as much as was sent, or less if the connection ends."""
    reader, writer = stream
    writer.write(sent)
    try:
        return await reader.readexactly(len(sent))
    except asyncio.IncompleteReadError as error:
        return error.partial
    except ConnectionError:
        return bytes(reader._buffer)  # type: ignore[attr-defined]  # a stream that was reset gives out no more what it has


async def test_bytes_pass_both_ways(proxy: Proxy) -> None:
    async with connected(proxy) as stream:
        assert await said(stream, b"x" * 200_000) == b"x" * 200_000

    assert proxy.took == {Effect.CONNECTED: 1}


async def test_a_unix_socket_can_stand_behind_it(echo: Echo, tmp_path: Path) -> None:
    file = tmp_path / "socket"
    async with await asyncio.start_unix_server(echo.serve, file), proxied(file) as proxy, connected(proxy) as stream:
        assert await said(stream, b"hello") == b"hello"


async def test_an_end_of_sending_reaches_the_other_side(proxy: Proxy) -> None:
    async with connected(proxy) as (reader, writer):
        writer.write(b"bye")
        writer.write_eof()

        assert await reader.read() == b"bye"


async def test_latency_delays_every_chunk(proxy: Proxy) -> None:
    proxy.latency(0.01)
    async with connected(proxy) as stream:
        assert await said(stream, b"hello") == b"hello"

    assert proxy.took[Effect.DELAYED] == 2


async def test_a_black_hole_keeps_connections_and_passes_on_later_what_came_meanwhile(proxy: Proxy) -> None:
    async with connected(proxy) as stream:
        await said(stream, b"before")
        proxy.black_hole()
        late = asyncio.create_task(said(stream, b"later"))
        await eventually(lambda: proxy.took[Effect.HELD_BACK])

        assert not late.done()
        proxy.restore()
        assert await late == b"later"


async def test_half_open_accepts_and_says_nothing(proxy: Proxy, echo: Echo) -> None:
    proxy.half_open()
    async with connected(proxy) as stream:
        late = asyncio.create_task(said(stream, b"hello"))
        await eventually(lambda: proxy.took[Effect.HALF_OPENED])

        assert (late.done(), echo.got) == (False, b"")
        proxy.restore()
        assert await late == b"hello"


async def test_cut_resets_every_connection(proxy: Proxy) -> None:
    async with connected(proxy) as one, connected(proxy) as other:
        await said(one, b"a")
        await said(other, b"b")

        assert proxy.cut() == 2
        assert [await said(one, b"a"), await said(other, b"b")] == [b"", b""]

    assert proxy.took[Effect.CUT] == 2


@pytest.mark.parametrize(
    ("direction", "got", "heard"), [(Direction.TO_SERVER, b"hel", None), (Direction.TO_CLIENT, b"hello", b"hel")]
)
async def test_a_connection_is_cut_after_so_many_bytes(
    proxy: Proxy, echo: Echo, direction: Direction, got: bytes, heard: bytes | None
) -> None:
    proxy.cut_after(3, direction)
    async with connected(proxy) as stream:
        answer = await said(stream, b"hello")

    await eventually(lambda: echo.got == got)
    assert heard is None or answer == heard
    assert proxy.took[Effect.CUT] == 1


async def test_a_connection_is_cut_after_exactly_what_was_sent(proxy: Proxy, echo: Echo) -> None:
    proxy.cut_after(5, Direction.TO_SERVER)
    async with connected(proxy) as stream:
        await said(stream, b"hello")

    await eventually(lambda: echo.got == b"hello")
    assert proxy.took[Effect.CUT] == 1


async def test_a_request_can_be_lost_before_the_server_gets_it(proxy: Proxy, echo: Echo) -> None:
    async with connected(proxy) as stream:
        await said(stream, b"BEGIN;")
        proxy.cut_at(b"COMMIT;")

        assert await said(stream, b"COMMIT;") == b""

    assert (echo.got, proxy.took[Effect.CUT]) == (b"BEGIN;", 1)


async def test_an_answer_can_be_lost_after_the_server_has_given_it(proxy: Proxy, echo: Echo) -> None:
    proxy.cut_answer_to(b"COMMIT;")
    async with connected(proxy) as stream:
        assert await said(stream, b"COMMIT;") == b""

    assert (echo.got, proxy.took[Effect.CUT]) == (b"COMMIT;", 1)


async def test_a_pattern_is_found_across_chunks_and_only_the_first_time(proxy: Proxy, echo: Echo) -> None:
    proxy.cut_answer_to(b"COMMIT;")
    async with connected(proxy) as stream:
        await said(stream, b"COM")
        assert await said(stream, b"MIT;") == b""
    async with connected(proxy) as stream:
        assert await said(stream, b"COMMIT;") == b"COMMIT;"


async def test_a_reset_port_accepts_and_hangs_up(proxy: Proxy) -> None:
    proxy.reset_new()
    async with connected(proxy) as stream:
        assert await said(stream, b"hello") == b""

    assert proxy.took == {Effect.RESET: 1}


async def test_a_refused_port_opens_again_where_it_was(proxy: Proxy) -> None:
    port = proxy.port
    await proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)

    await proxy.listen()

    assert proxy.port == port
    async with connected(proxy) as stream:
        assert await said(stream, b"hello") == b"hello"
