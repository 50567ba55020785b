"""All that a reply's document is made from. No text of an order or of a reply is among it: none is in the events."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.notifier.domain.case import Directive
from services.notifier.domain.outcomes import Line

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Who replies, as the settings say."""

    name: str = "the platform"
    contact: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who is replied to. `id` is None where events of the first form told nobody."""

    id: str | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """The legal basis in its version of the day of issue; an unknown one has its id alone."""

    id: str
    instrument: str | None = None
    section: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A reply of the platform."""

    id: str
    kind: str
    sent_at: datetime
    cause: str | None = None
    impediment_ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A notice of the authority."""

    id: str
    kind: str
    provision: str | None
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A reply with the state of its directive when it was sent, or when it was recorded if nothing had been heard before.

    `earlier` are the replies before it, `missing` the required elements that nobody had supplied by then.
    """

    platform: Platform
    authority: Party
    law: Law
    directive: Directive
    reply: Sent
    as_of: datetime
    lines: tuple[Line, ...]
    notices: tuple[Received, ...] = ()
    earlier: tuple[Sent, ...] = ()
    missing: tuple[str, ...] = ()
