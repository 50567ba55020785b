"""E-mail, by the operator's own server. A message has the same `Message-ID` on every try."""

import asyncio
from email.message import EmailMessage

import aiosmtplib

from services.notifier.channels.bodies import subject_line, text_body
from services.notifier.domain.delivery import Arrived, Failed, Message, Outcome
from services.notifier.domain.subscription import Email
from services.notifier.settings import Smtp
from shared.clock import Clock, system_clock

SECONDS = 10.0


class MailChannel:
    """Without a server (`smtp` of None) every try fails: somebody may take it away while subscriptions stand."""

    def __init__(self, smtp: Smtp | None, *, wall_clock: Clock = system_clock, seconds: float = SECONDS) -> None:
        self._smtp = smtp
        self._wall_clock = wall_clock
        self._seconds = seconds

    async def send(self, email: Email, message: Message) -> Outcome:
        if self._smtp is None:
            return Failed("no mail server is configured")
        try:
            async with asyncio.timeout(self._seconds):
                await self._send(self._smtp, self._letter(self._smtp, email, message))
        except TimeoutError:
            return Failed(f"the mail server did not answer within {self._seconds:g} s")
        except (aiosmtplib.SMTPException, OSError) as error:
            return Failed(f"the mail server did not take it: {type(error).__name__}")
        return Arrived()

    def _letter(self, smtp: Smtp, email: Email, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["From"] = smtp.sender
        letter["To"] = email.to
        letter["Subject"] = subject_line(message)
        letter["Date"] = self._wall_clock()
        letter["Message-ID"] = f"<{message.id}@{smtp.sender.rpartition('@')[2]}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(text_body(message))
        return letter

    async def _send(self, smtp: Smtp, letter: EmailMessage) -> None:
        await aiosmtplib.send(
            letter,
            hostname=smtp.host,
            port=smtp.port,
            start_tls=smtp.starttls,
            username=smtp.username,
            password=smtp.password_file.read_text().strip() if smtp.password_file else None,
            timeout=self._seconds,
        )
