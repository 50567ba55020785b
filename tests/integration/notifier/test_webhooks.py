"""A message to a webhook, over real connections."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from services.notifier.channels.webhook import Resolve, WebhookChannel, make_client, resolve
from services.notifier.domain.delivery import Arrived, Failed, Gone, Message, Outcome
from services.notifier.domain.subscription import Webhook
from tests.support.receiver import Posted, receiving, status
from tests.unit.notifier.test_delivery import delivery

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ"
BODY = b'{"type":"org.geowithhold.clock.breached.v1","timestamp":"2021-01-31T06:00:00Z","subject":"dir_1","data":{}}'
MESSAGE = Message("dlv_1", (delivery(body=BODY),))


def found(*addresses: str) -> Resolve:
    async def answer(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return answer


@asynccontextmanager
async def channel(
    *, allow_private: bool = True, at: Resolve = resolve, seconds: float = 5, tls: ssl.SSLContext | None = None
) -> AsyncIterator[WebhookChannel]:
    async with make_client(tls) as client:
        yield WebhookChannel(client, allow_private=allow_private, resolve=at, seconds=seconds)


async def send(url: str, message: Message = MESSAGE, **options: object) -> Outcome:
    async with channel(**options) as made:  # type: ignore[arg-type]
        return await made.send(Webhook(url, SECRET), message)


def verified(posted: Posted) -> object:
    return Verifier(SECRET).verify(posted.body, posted.headers)


async def test_what_arrives_is_signed_as_standard_webhooks_says() -> None:
    async with receiving() as receiver:
        outcome = await send(receiver.url)

    (posted,) = receiver.posted
    assert (outcome, posted.path, posted.body) == (Arrived(), "/hook", BODY)
    assert (posted.headers["webhook-id"], posted.headers["content-type"]) == ("dlv_1", "application/json")
    assert verified(posted) == json.loads(BODY)
    assert posted.headers["host"] == f"127.0.0.1:{receiver.port}"


async def test_what_was_changed_on_the_way_is_not_verified() -> None:
    async with receiving() as receiver:
        await send(receiver.url)

    (posted,) = receiver.posted
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(posted.body + b" ", posted.headers)


async def test_every_try_has_the_same_id_and_bytes_and_a_time_of_its_own() -> None:
    now = datetime.now(UTC)
    times = [now - timedelta(seconds=60), now]
    async with receiving(status(500)) as receiver, make_client() as client:
        made = WebhookChannel(client, allow_private=True, wall_clock=lambda: times[len(receiver.posted)])
        outcomes = [await made.send(Webhook(receiver.url, SECRET), MESSAGE) for _ in range(2)]

    first, second = receiver.posted
    assert outcomes == [Failed("answered 500"), Arrived()]
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 60
    assert verified(first) == verified(second)


async def test_a_digest_holds_every_event_whole() -> None:
    several = tuple(delivery(number, body=BODY.replace(b"dir_1", b"dir_%d" % number)) for number in range(3))
    async with receiving() as receiver:
        await send(receiver.url, Message("dgs_1", several))

    (posted,) = receiver.posted
    assert verified(posted) == {
        "type": "digest",
        "timestamp": "2021-01-31T06:00:00Z",
        "events": [json.loads(each.body) for each in several],
    }
    assert posted.headers["webhook-id"] == "dgs_1"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (status(200), Arrived()),
        (status(299), Arrived()),
        (status(302, "Location: http://127.0.0.1:1/"), Failed("answered 302; redirects are not followed")),
        (status(400), Failed("answered 400")),
        (status(410), Gone("answered 410: it wants no more of this")),
        (status(429, "Retry-After: 1"), Failed("answered 429")),
        (status(503), Failed("answered 503")),
        (b"not HTTP\r\n\r\n", Failed("no connection: RemoteProtocolError")),
        (b"", Failed("no connection: RemoteProtocolError")),
    ],
)
async def test_what_each_answer_means(answer: bytes, outcome: Outcome) -> None:
    async with receiving(answer) as receiver:
        assert await send(receiver.url) == outcome
    assert len(receiver.posted) == 1


async def test_a_body_without_an_end_is_not_waited_for() -> None:
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 0x1000
    async with receiving(endless) as receiver, asyncio.timeout(2):
        assert await send(receiver.url) == Arrived()


async def test_headers_without_an_end_are_not_kept() -> None:
    async with receiving(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000) as receiver:
        assert await send(receiver.url) == Failed("no connection: RemoteProtocolError")


async def test_who_does_not_answer_is_given_up_in_time() -> None:
    async with receiving(None) as receiver:
        assert await send(receiver.url, seconds=0.2) == Failed("no answer within 0.2 s")


async def test_nobody_listening_is_a_failure() -> None:
    assert await send("http://127.0.0.1:1/") == Failed("no connection: ConnectError")


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["169.254.169.254"],
        ["8.8.8.8", "127.0.0.1"],
    ],
)
async def test_a_name_with_an_address_that_is_not_public_is_not_connected_to(addresses: list[str]) -> None:
    async with receiving() as receiver:
        outcome = await send(f"https://hook.example:{receiver.port}/", allow_private=False, at=found(*addresses))

    assert (outcome, receiver.posted) == (Failed("the host has an address that is not public"), [])


async def test_the_address_of_this_machine_is_not_connected_to_by_its_name() -> None:
    async with receiving() as receiver:
        outcome = await send(f"https://localhost:{receiver.port}/", allow_private=False)

    assert (outcome, receiver.posted) == (Failed("the host has an address that is not public"), [])


async def test_without_the_setting_only_https_is_sent_to() -> None:
    async with receiving() as receiver:
        outcome = await send(receiver.url, allow_private=False)

    assert (outcome, receiver.posted) == (Failed("only https is sent to"), [])


async def test_a_name_is_resolved_once_and_its_very_address_is_connected_to() -> None:
    asked: list[str] = []

    async def first_here_then_elsewhere(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async with receiving() as receiver:
        outcome = await send(f"http://hook.example:{receiver.port}/a?b=c", at=first_here_then_elsewhere)

    assert (outcome, asked) == (Arrived(), ["hook.example"])
    assert (receiver.posted[0].path, receiver.posted[0].headers["host"]) == ("/a?b=c", f"hook.example:{receiver.port}")


async def test_the_next_address_is_tried_when_the_first_one_takes_no_connection() -> None:
    async with receiving() as receiver:
        assert await send(f"http://hook.example:{receiver.port}/", at=found("127.0.0.9", "127.0.0.1")) == Arrived()


@pytest.mark.parametrize("answer", [[], OSError("no such host")])
async def test_a_name_that_nobody_knows_is_a_failure(answer: object) -> None:
    async def fail(_host: str, _port: int) -> Sequence[str]:
        if isinstance(answer, OSError):
            raise answer
        return []

    assert await send("http://hook.example/", at=fail) == Failed("no connection: OSError")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


def client_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_the_certificate_is_asked_for_the_name_and_not_for_the_address(authority: trustme.CA) -> None:
    names: list[str | None] = []
    tls = server_tls(authority, "hook.example")
    tls.sni_callback = lambda _connection, name, _context: names.append(name)
    async with receiving(tls=tls) as receiver:
        url = f"https://hook.example:{receiver.port}/"
        outcome = await send(url, at=found("127.0.0.1"), tls=client_tls(authority))

    assert (outcome, names) == (Arrived(), ["hook.example"])
    assert verified(receiver.posted[0]) == json.loads(BODY)


async def test_a_certificate_of_another_name_is_not_trusted(authority: trustme.CA) -> None:
    async with receiving(tls=server_tls(authority, "other.example")) as receiver:
        url = f"https://hook.example:{receiver.port}/"
        outcome = await send(url, at=found("127.0.0.1"), tls=client_tls(authority))

    assert (outcome, receiver.posted) == (Failed("no connection: ConnectError"), [])


async def test_a_certificate_of_nobody_we_know_is_not_trusted(authority: trustme.CA) -> None:
    async with receiving(tls=server_tls(authority, "hook.example")) as receiver:
        outcome = await send(f"https://hook.example:{receiver.port}/", at=found("127.0.0.1"))

    assert (outcome, receiver.posted) == (Failed("no connection: ConnectError"), [])


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with receiving() as receiver:
        assert await send(receiver.url) == Arrived()
