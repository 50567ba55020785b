"""CloudEvents 1.0 in Kafka's binary mode: attributes as `ce_` headers, data as the JSON value.

Promises: `decode(encode(e))` gives `e` back; what cannot be decoded raises `DecodeError` and never a guess.
The mapping is ours because the CloudEvents SDK takes 8 µs per record each way, half of the budget of a whole target; a contract
test reads every golden record with that SDK instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import msgspec

from shared.events.fields import Instant
from shared.events.payloads import TYPE_OF, TYPES, Payload

Headers = tuple[tuple[str, bytes], ...]
RawHeaders = Iterable[tuple[str, bytes | None]]
"""As Kafka has them: a header may have no value, and then says nothing."""

SEQUENCE, EPOCH = "ce_sequence", "ce_epoch"
"""Extension attributes that whoever publishes adds: the event's number in its lane, and the epoch of the publisher's database."""

FENCE = b"epoch"
"""The key of a record without a value, which tells no more than under which epoch its lane goes on."""

MAX_VALUE_BYTES = 512 * 1024
"""Largest value we read; half of what a broker takes by default, so that what was written can always be sent on."""

_LONGEST_ORDINAL = 15
"""Digits: every database and every JSON reader can hold such a number."""

_encoder = msgspec.json.Encoder()
_decoders: dict[str, msgspec.json.Decoder[Payload]] = {name: msgspec.json.Decoder(payload) for name, payload in TYPES.items()}


class Record(NamedTuple):
    """What goes to or comes from the broker. A value of None is a tombstone."""

    key: bytes
    value: bytes | None
    headers: Headers


class Position(NamedTuple):
    """Where a record stands among all that its publisher ever sent to its lane: contiguous from 1, over all epochs."""

    epoch: int
    sequence: int


class DecodeError(ValueError):
    """A record that is not an event we know. Says why; the bytes stay with whoever holds the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """`epoch` is that of the publisher's database, 0 of one that does not number."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: Payload
    epoch: int = field(default=0, compare=False)


def encode(data: Payload, *, id: str, source: str, subject: str, time: datetime) -> Record:  # noqa: A002 (CloudEvents' word)
    """The record of one event, keyed by its subject. `id` is unique per `source`; a retry must use the same one."""
    name = TYPE_OF[type(data)]
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": id,
        "ce_source": source,
        "ce_type": name,
        "ce_subject": subject,
        "ce_time": time.isoformat().replace("+00:00", "Z"),
        "ce_dataschema": f"urn:geowithhold:schema:{name}",
        "content-type": "application/json",
    }
    headers = tuple((header, value.encode()) for header, value in attributes.items())
    return Record(subject.encode(), _encoder.encode(data), headers)


def decode(value: bytes | None, headers: RawHeaders) -> Envelope:
    """Reads one record. Raises DecodeError if it is no event of a type and version that we know."""
    if value is None:
        raise DecodeError("a tombstone carries no event")
    if len(value) > MAX_VALUE_BYTES:
        raise DecodeError(f"the value has {len(value)} bytes, at most {MAX_VALUE_BYTES} are read")
    headers = tuple(headers)
    attributes = _attributes(headers)
    name = attributes["ce_type"]
    decoder = _decoders.get(name)
    if decoder is None:
        raise DecodeError(f"unknown event type or version {name!r}")
    try:
        data = decoder.decode(value)
        time = msgspec.convert(attributes["ce_time"], Instant)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(f"{name}: {error}") from error
    position = position_of(headers)
    return Envelope(
        id=attributes["ce_id"],
        type=name,
        source=attributes["ce_source"],
        subject=attributes["ce_subject"],
        time=time,
        data=data,
        epoch=position.epoch if position else 0,
    )


def fence(source: str) -> Record:
    """A record that says nothing: who reads it learns the epoch that it is placed in, and drops what is of an earlier one."""
    return Record(FENCE, None, (("ce_source", source.encode()),))


def is_fence(record: Record) -> bool:
    return record.value is None and record.key == FENCE


def placed(record: Record, position: Position) -> Record:
    """The record as it is sent, with its position; key, value and all other headers as they were."""
    numbers = ((SEQUENCE, b"%d" % position.sequence), (EPOCH, b"%d" % position.epoch))
    return Record(record.key, record.value, record.headers + numbers)


def position_of(headers: RawHeaders) -> Position | None:
    """The position that a record carries; None for one of somebody who does not number, and for one that makes no sense."""
    found = {name: value or b"" for name, value in headers if name in {SEQUENCE, EPOCH}}
    if not (len(found) == len((SEQUENCE, EPOCH)) and all(map(_is_ordinal, found.values()))):
        return None
    return Position(int(found[EPOCH]), int(found[SEQUENCE]))


def _is_ordinal(value: bytes) -> bool:
    return value.isdigit() and 0 < len(value) <= _LONGEST_ORDINAL and int(value) > 0


def _attributes(headers: RawHeaders) -> dict[str, str]:
    try:
        found = {name: (value or b"").decode() for name, value in headers if name.startswith("ce_")}
    except UnicodeDecodeError as error:
        raise DecodeError("a CloudEvents header is not UTF-8") from error
    if found.get("ce_specversion") != "1.0":
        raise DecodeError(f"not a CloudEvents 1.0 record: ce_specversion is {found.get('ce_specversion')!r}")
    for required in ("ce_id", "ce_source", "ce_type", "ce_subject", "ce_time"):
        if not found.get(required):
            raise DecodeError(f"header {required} is missing")
    return found
