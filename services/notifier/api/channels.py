"""How the way to a subscriber is read: what is wrong with it is told before anything is stored."""

import base64
import binascii
import secrets
from ipaddress import ip_address
from typing import assert_never

import ada_url

from services.notifier.api.context import ChannelRules
from services.notifier.domain.addresses import is_public
from services.notifier.domain.subscription import Channel, Email, Webhook
from services.notifier.schemas import ChannelIn, EmailIn, WebhookIn
from shared.http.problems import invalid

_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)
"""What Standard Webhooks takes."""

_NEW_SECRET_BYTES = 32


def new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(_NEW_SECRET_BYTES)).decode()


def read_channel(channel: ChannelIn, rules: ChannelRules) -> Channel:
    """Raises Refusal for one that could not be used."""
    named = [way for way in (channel.webhook, channel.email) if way is not None]
    if len(named) != 1:
        raise invalid("name exactly one of webhook and email", "/channel")
    match named[0]:
        case WebhookIn(url=url, secret=secret):
            return Webhook(_url(url, rules), _secret(secret))
        case EmailIn(to=to):
            if not rules.mail:
                raise invalid(
                    "no mail server is configured (NOTIFIER_SMTP_HOST), so nothing can be sent by e-mail", "/channel/email"
                )
            return Email(to)
        case other:
            assert_never(other)


def _url(text: str, rules: ChannelRules) -> str:
    """As the URL standard writes it: what is stored is what will be sent to."""
    where = "/channel/webhook/url"
    try:
        url = ada_url.URL(text)
    except ValueError:
        raise invalid("not a URL", where) from None
    if url.protocol != "https:" and not (rules.allow_private and url.protocol == "http:"):
        raise invalid("a webhook is an https URL", where)
    if url.username or url.password:
        raise invalid("a webhook's URL holds no user and no password: messages are signed", where)
    if not rules.allow_private and _is_private(url.hostname):
        raise invalid("the address is not a public one", where)
    url.hash = ""
    return str(url.href)


def _is_private(host: str) -> bool:
    """Whether the host is an address that nobody may be told at. What a name stands for is seen whenever something is sent."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return not is_public(host.strip("[]"))


def _secret(text: str | None) -> str:
    """The secret, or nothing where none was sent. Raises Refusal for one that signs nothing, or not well enough."""
    if text is None:
        return ""
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(_PREFIX) or len(key) not in _SECRET_BYTES:
        raise invalid("a secret is whsec_ and 24 to 64 bytes in base64", "/channel/webhook/secret")
    return text
