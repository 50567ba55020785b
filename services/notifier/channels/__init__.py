"""The ways by which subscribers are told: each takes a message to one of them, and says what came of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import assert_never

from services.notifier.channels.mail import MailChannel
from services.notifier.channels.webhook import WebhookChannel
from services.notifier.domain.delivery import Message, Outcome
from services.notifier.domain.subscription import Channel, Email, Webhook

Carry = Callable[[Channel, Message], Awaitable[Outcome]]
"""Takes a message there, within a time of its own. Never raises for what the other side does."""


@dataclass(frozen=True, slots=True)
class Channels:
    webhooks: WebhookChannel
    mail: MailChannel

    async def carry(self, channel: Channel, message: Message) -> Outcome:
        match channel:
            case Webhook():
                return await self.webhooks.send(channel, message)
            case Email():
                return await self.mail.send(channel, message)
            case other:
                assert_never(other)


__all__ = ["Carry", "Channels", "MailChannel", "WebhookChannel"]
