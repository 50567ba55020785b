"""What a message says, as JSON and as plain text. The same deliveries always give the same bytes."""

from collections.abc import Iterator
from typing import Any

import msgspec

from services.notifier.domain.delivery import Message

DIGEST = "digest"
_PREFIX, _SUFFIX = "org.geowithhold.", ".v1"


class _Event(msgspec.Struct):
    """An event as `outbound.body_of` wrote it."""

    type: str
    timestamp: str
    subject: str
    data: dict[str, Any]


_decode = msgspec.json.Decoder(_Event).decode


def json_body(message: Message) -> bytes:
    """The event itself, or a digest of all of them."""
    bodies = [delivery.body for delivery in message.deliveries]
    if len(bodies) == 1:
        return bodies[0]
    timestamp = msgspec.json.encode(_decode(bodies[-1]).timestamp)
    return b'{"type":"%s","timestamp":%s,"events":[%s]}' % (DIGEST.encode(), timestamp, b",".join(bodies))


def subject_line(message: Message) -> str:
    """Says what kind of thing was found, or how many things; never about whom."""
    first, *others = message.deliveries
    return f"Geowithhold: {len(others) + 1} findings" if others else f"Geowithhold: {_short(first.type)}"


def text_body(message: Message) -> str:
    """One paragraph for each event."""
    return "\n\n".join(_paragraph(_decode(delivery.body)) for delivery in message.deliveries) + "\n"


def _paragraph(event: _Event) -> str:
    return "\n".join([f"{event.timestamp}  {_short(event.type)}: {event.subject}", *_lines(event.data)])


def _lines(data: dict[str, Any]) -> Iterator[str]:
    for name, value in data.items():
        if value is not None and name != "at":
            yield f"    {name.replace('_', ' ')}: {', '.join(map(str, value)) if isinstance(value, list) else value}"


def _short(event_type: str) -> str:
    return event_type.removeprefix(_PREFIX).removesuffix(_SUFFIX).replace(".", " ")
