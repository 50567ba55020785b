"""A message by e-mail, through a real mail server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword

from services.notifier.channels import Channels, MailChannel, WebhookChannel
from services.notifier.channels.webhook import make_client
from services.notifier.domain.delivery import Arrived, Failed, Message
from services.notifier.domain.subscription import Email
from services.notifier.settings import Smtp
from tests.integration.notifier.test_webhooks import server_tls
from tests.support.receiver import receiving
from tests.unit.notifier.test_delivery import delivery

TO = Email("desk@ex.org")
EVENT = {
    "type": "org.geowithhold.enforcement.overdue.v1",
    "id": "fnd_1",
    "timestamp": "2021-01-31T06:01:01Z",
    "subject": "IN/hashtag:किसान",
    "data": {"target": "hashtag:किसान", "jurisdiction": "IN", "at": "2021-01-31T06:01:01Z", "version": 1, "last": None},
}
MESSAGE = Message("dlv_1", (delivery(body=json.dumps(EVENT).encode(), type=EVENT["type"]),))
SMTP_ = Smtp(host="127.0.0.1", port=0, sender="watch@geo.example", username=None, password_file=None, starttls=False)


@dataclass(slots=True)
class Mailbox:
    """A mail server that keeps what it got, or answers `refuse`."""

    port: int = 0
    refuse: str | None = None
    got: list[Envelope] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        if self.refuse:
            return self.refuse
        self.got.append(envelope)
        return "250 taken"

    def letters(self) -> list[EmailMessage]:
        contents = [each.content for each in self.got]
        return [message_from_bytes(content, policy=policy.default) for content in contents if isinstance(content, bytes)]


@asynccontextmanager
async def mailbox(**options: Any) -> AsyncIterator[Mailbox]:
    box = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, hostname="mail.example", loop=loop, **options), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()


async def test_an_event_arrives_as_a_letter_that_says_what_was_found() -> None:
    async with mailbox() as box:
        outcome = await MailChannel(replace(SMTP_, port=box.port)).send(TO, MESSAGE)

    (letter,), (envelope,) = box.letters(), box.got
    assert (outcome, envelope.mail_from, envelope.rcpt_tos) == (Arrived(), "watch@geo.example", ["desk@ex.org"])
    assert (letter["Subject"], letter["To"]) == ("Geowithhold: enforcement overdue", "desk@ex.org")
    assert (letter["Message-ID"], letter["Auto-Submitted"]) == ("<dlv_1@geo.example>", "auto-generated")
    assert letter.get_content().splitlines() == [
        "2021-01-31T06:01:01Z  enforcement overdue: IN/hashtag:किसान",
        "    target: hashtag:किसान",
        "    jurisdiction: IN",
        "    version: 1",
    ]


async def test_a_digest_is_one_letter() -> None:
    events = [EVENT | {"subject": f"dir_{number}", "data": {"jurisdictions": ["IN", "DE"]}} for number in range(30)]
    several = tuple(delivery(number, body=json.dumps(event).encode()) for number, event in enumerate(events))
    async with mailbox() as box:
        await MailChannel(replace(SMTP_, port=box.port)).send(TO, Message("dgs_1", several))

    (letter,) = box.letters()
    assert letter["Subject"] == "Geowithhold: 30 findings"
    assert letter.get_content().count("enforcement overdue: dir_") == 30
    assert "    jurisdictions: IN, DE" in letter.get_content().splitlines()


async def test_every_try_has_the_same_message_id() -> None:
    async with mailbox() as box:
        channel = MailChannel(replace(SMTP_, port=box.port))
        for _ in range(2):
            await channel.send(TO, MESSAGE)

    first, second = box.letters()
    assert first["Message-ID"] == second["Message-ID"]


async def test_what_the_server_refuses_is_a_failure() -> None:
    async with mailbox() as box:
        box.refuse = "451 not now"
        outcome = await MailChannel(replace(SMTP_, port=box.port)).send(TO, MESSAGE)

    assert outcome == Failed("the mail server did not take it: SMTPDataError")


async def test_a_server_that_is_not_there_is_a_failure() -> None:
    outcome = await MailChannel(replace(SMTP_, port=1)).send(TO, MESSAGE)

    assert outcome == Failed("the mail server did not take it: SMTPConnectError")


async def test_a_server_that_does_not_answer_is_given_up_in_time() -> None:
    async with receiving() as silent:  # it waits for a request, as the client does for a greeting
        outcome = await MailChannel(replace(SMTP_, port=silent.port), seconds=0.2).send(TO, MESSAGE)

    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("the mail server did not")


async def test_a_server_that_speaks_in_the_clear_gets_nothing_when_it_must_not() -> None:
    async with mailbox() as box:
        outcome = await MailChannel(replace(SMTP_, port=box.port, starttls=True)).send(TO, MESSAGE)

    assert (outcome, box.got) == (Failed("the mail server did not take it: SMTPException"), [])


async def test_a_password_is_read_for_each_letter_and_sent_encrypted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logins: list[LoginPassword] = []

    def authenticator(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
        logins.append(data)
        return AuthResult(success=True)

    authority, trusted, secret = trustme.CA(), tmp_path / "ca.pem", tmp_path / "password"
    authority.cert_pem.write_to_path(trusted)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    tls = server_tls(authority, "localhost")
    smtp = replace(SMTP_, host="localhost", username="watch", password_file=secret, starttls=True)
    async with mailbox(tls_context=tls, require_starttls=True, authenticator=authenticator, auth_required=True) as box:
        outcomes = []
        for password in ("first", "second"):
            secret.write_text(f"{password}\n")
            outcomes.append(await MailChannel(replace(smtp, port=box.port)).send(TO, MESSAGE))

    assert outcomes == [Arrived(), Arrived()]
    assert [login.password for login in logins] == [b"first", b"second"]


async def test_without_a_server_every_try_fails() -> None:
    assert await MailChannel(None).send(TO, MESSAGE) == Failed("no mail server is configured")


async def test_each_message_goes_the_way_of_its_subscriber() -> None:
    async with mailbox() as box, make_client() as client:
        channels = Channels(WebhookChannel(client), MailChannel(replace(SMTP_, port=box.port)))

        assert await channels.carry(TO, MESSAGE) == Arrived()
