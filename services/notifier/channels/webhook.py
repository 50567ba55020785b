"""Webhooks, signed as Standard Webhooks says.

Promises
 1. A connection is made only to an address that was judged to be public, and to that very address: the name is resolved once, and
    one address of its that is not public refuses them all. The certificate is still asked for the name.
 2. No redirect is followed, no proxy of the environment is used, the answer's body is not read, and a try ends within `SECONDS`.
 3. Every try of a message has the same `webhook-id` and the same bytes; only time and signature are new.
Does not promise: that what was answered with an error, or not at all, has not been taken.
Would break it: a client that keeps connections, and so sends to a name that another one stood for.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from socket import AI_ADDRCONFIG, SOCK_STREAM

import httpx2
from standardwebhooks import Webhook as Signer

from services.notifier.channels.bodies import json_body
from services.notifier.domain.addresses import is_public
from services.notifier.domain.delivery import Arrived, Failed, Gone, Message, Outcome
from services.notifier.domain.subscription import Webhook
from shared.clock import Clock, system_clock

SECONDS = 10.0

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host. Raises OSError if there are none."""


class NotPublic(Exception):
    """An address that no message may be sent to."""


async def resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM, flags=AI_ADDRCONFIG)
    return [str(address[0]) for *_, address in found]


def make_client(tls: ssl.SSLContext | None = None) -> httpx2.AsyncClient:
    """A client that keeps no connection: an address may stand for another name the next time."""
    return httpx2.AsyncClient(
        verify=tls or ssl.create_default_context(),
        trust_env=False,
        follow_redirects=False,
        limits=httpx2.Limits(max_keepalive_connections=0),
        headers={"User-Agent": "geowithhold/1", "Content-Type": "application/json"},
        timeout=SECONDS,
    )


class WebhookChannel:
    """`wall_clock` is what receivers compare the signature's time with, whatever clock the service runs on."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        wall_clock: Clock = system_clock,
        seconds: float = SECONDS,
    ) -> None:
        self._client = client
        self._allow_private = allow_private
        self._resolve = resolve
        self._wall_clock = wall_clock
        self._seconds = seconds

    async def send(self, webhook: Webhook, message: Message) -> Outcome:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._send(webhook, message)
        except TimeoutError:
            return Failed(f"no answer within {self._seconds:g} s")
        except NotPublic as error:
            return Failed(str(error))
        except (httpx2.HTTPError, OSError) as error:
            return Failed(f"no connection: {type(error).__name__}")

    async def _send(self, webhook: Webhook, message: Message) -> Outcome:
        url = httpx2.URL(webhook.url)
        if url.scheme != "https" and not self._allow_private:
            raise NotPublic("only https is sent to")
        *others, last = await self._addresses(url)
        for address in others:
            try:
                return await self._post(url, address, webhook, message)
            except httpx2.ConnectError:
                continue
        return await self._post(url, last, webhook, message)

    async def _addresses(self, url: httpx2.URL) -> Sequence[str]:
        """Where the host is, all of it judged. Raises NotPublic, or OSError for a name that is not known."""
        found = await self._resolve(url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80))
        if not found:
            raise OSError("the name has no address")
        if not self._allow_private and not all(map(is_public, found)):
            raise NotPublic("the host has an address that is not public")
        return list(dict.fromkeys(found))

    async def _post(self, url: httpx2.URL, address: str, webhook: Webhook, message: Message) -> Outcome:
        body = json_body(message)
        headers = self._signed(webhook, message.id, body) | {"Host": url.netloc.decode("ascii")}
        there = url.copy_with(host=address)
        asked_for = {"sni_hostname": url.raw_host.decode("ascii")}
        async with self._client.stream("POST", there, content=body, headers=headers, extensions=asked_for) as response:
            return _judged(response.status_code)

    def _signed(self, webhook: Webhook, id_: str, body: bytes) -> dict[str, str]:
        now = self._wall_clock()
        return {
            "webhook-id": id_,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signer(webhook.secret).sign(id_, now, body.decode()),
        }


def _judged(status: int) -> Outcome:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Arrived()
    if status == HTTPStatus.GONE:
        return Gone("answered 410: it wants no more of this")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Failed(f"answered {status}; redirects are not followed")
    return Failed(f"answered {status}")
