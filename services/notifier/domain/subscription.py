"""Who wants to be told of what, and by which way."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from shared.ids import Jurisdiction
from shared.jurisdictions import covers

SubscriptionId = NewType("SubscriptionId", str)
"""The name under which somebody subscribed, such as `legal-desk`."""

EVERYTHING = "all"
"""Stands for every type of event, also for those that come later."""


MAILBOX = r"^[^\s@<>\",;:\\\x00-\x1f\x7f]{1,64}@[A-Za-z0-9.-]{1,253}$"
"""One plain address: no name around it, no list."""


class ChannelKind(StrEnum):
    WEBHOOK = "webhook"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Webhook:
    """`secret` signs each message, and is never shown again; it is kept out of any text of this value."""

    url: str
    secret: str

    kind = ChannelKind.WEBHOOK

    def __repr__(self) -> str:
        return f"Webhook(url={self.url!r}, secret=…)"


@dataclass(frozen=True, slots=True)
class Email:
    to: str

    kind = ChannelKind.EMAIL


Channel = Webhook | Email


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """`jurisdictions` are expanded, and never empty; `requested` is what was asked for. `events` are types, or `EVERYTHING`.

    `sealed` says that it was asked to be told of sealed directives too.
    """

    id: SubscriptionId
    requested: tuple[str, ...]
    jurisdictions: tuple[Jurisdiction, ...]
    events: frozenset[str]
    channel: Channel
    created_at: datetime
    changed_at: datetime
    sealed: bool = False

    def wants(self, event_type: str, places: Iterable[Jurisdiction], *, sealed: bool = False) -> bool:
        """Whether to tell of this. A wide code covers its parts (`IN` what happens in `IN-PB`), never the other way round."""
        named = EVERYTHING in self.events or event_type in self.events
        return (
            named and (self.sealed or not sealed) and any(covers(ours, place) for place in places for ours in self.jurisdictions)
        )
