"""What a record means: an event that its topic may carry, nothing, or something that cannot be understood."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import UnionType
from typing import Any, NamedTuple, assert_never

import msgspec

from shared.events import (
    CaseEvent,
    CheckpointMade,
    DecodeError,
    EnforcementReported,
    Envelope,
    Finding,
    Record,
    StateDigested,
    WithholdingChanged,
    decode,
    is_fence,
)
from shared.ids import Key, type_of
from shared.jurisdictions import JurisdictionError, parse_jurisdiction
from shared.topics import Topics

INDEXED = frozenset({"target", "directive", "notice", "reply", "point"})
LONGEST_INDEXED = 2200
"""Bytes that an index entry takes for sure, on either database; a canonical target has at most 2,052."""

Consumable = WithholdingChanged | CaseEvent | EnforcementReported | CheckpointMade | StateDigested
"""What the notifier reads. What it finds itself, it only writes."""

YEARS = range(1900, 9999)
"""Years in which an instant can be told in any offset."""


class Partition(NamedTuple):
    topic: str
    number: int


class Consumed(NamedTuple):
    """A record from its partition. `timestamp` is the broker's, wall time."""

    offset: int
    timestamp: datetime
    record: Record


class Numbered(NamedTuple):
    """An event as its source has it, with its number in its lane."""

    sequence: int
    record: Record


@dataclass(frozen=True, slots=True)
class Understood:
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A key that was released long ago may be dropped from a compacted topic; nothing follows from that."""


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    reason: str


Reading = Understood | Tombstone | NotUnderstood


def topics_read(topics: Topics) -> tuple[str, ...]:
    """What the notifier's consumer subscribes to."""
    return tuple(_carried(topics))


def read(record: Record, topic: str, topics: Topics) -> Reading:
    """Never raises. What a topic may not carry is not understood either: who may write there may not speak of anything else."""
    if is_fence(record) or (record.value is None and topic == topics.withholdings):
        return Tombstone()
    try:
        envelope = decode(record.value, record.headers)
    except DecodeError as error:
        return NotUnderstood(str(error))
    refusal = _refusal(envelope, record, topic, topics)
    return NotUnderstood(refusal) if refusal else Understood(envelope)


def _refusal(envelope: Envelope, record: Record, topic: str, topics: Topics) -> str | None:
    data = envelope.data
    if isinstance(data, Finding) or not isinstance(data, _carried(topics)[topic]):
        return f"{envelope.type} does not belong on {topic}"
    if record.key != _key_of(data).encode():
        return "the record's key is not the one that its event has"
    if b"\\u0000" in (record.value or b"") and _holds_nul(msgspec.to_builtins(data)):
        return "a text holds a NUL, which cannot be stored"
    if _out_of_range(data):
        return "a time or an id is out of range"
    return _nowhere(data, topics)


def _nowhere(data: Consumable, topics: Topics) -> str | None:
    """Why the event speaks of something that cannot be: a place that is none, or a target of another type than it says."""
    if isinstance(data, CheckpointMade):
        return None if data.topic in topics.published else f"{data.topic} is not what the blocklist publishes"
    if isinstance(data, CaseEvent):
        return None
    if isinstance(data, WithholdingChanged) and data.target_type is not type_of(data.target):
        return f"{data.target_type.value} is not the type of its target"
    try:
        parse_jurisdiction(data.jurisdiction)
    except JurisdictionError as error:
        return str(error)
    return None


def _holds_nul(value: Any) -> bool:
    """Whether any text of the event, escapes resolved, holds a NUL."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Mapping):
        return any(map(_holds_nul, value.values()))
    return isinstance(value, list | tuple) and any(map(_holds_nul, value))


def _key_of(data: Consumable) -> str:
    match data:
        case CaseEvent():
            return data.directive
        case WithholdingChanged() | EnforcementReported():
            return str(Key(data.jurisdiction, data.target))
        case CheckpointMade():
            return str(data.partition)
        case StateDigested():
            return data.jurisdiction
        case other:
            assert_never(other)


def _out_of_range(data: Any) -> bool:
    """Whether no database would take some value, so that it would hold its partition for ever."""
    for field in dataclasses.fields(data):
        value = getattr(data, field.name)
        if isinstance(value, datetime) and value.year not in YEARS:
            return True
        if field.name in INDEXED and len(value.encode()) > LONGEST_INDEXED:
            return True
        if field.name == "items" and any(map(_out_of_range, value)):
            return True
    return False


def _carried(topics: Topics) -> Mapping[str, type[Consumable] | UnionType]:
    return {
        topics.withholdings: WithholdingChanged,
        topics.directives: CaseEvent,
        topics.enforcements: EnforcementReported,
        topics.checkpoints: CheckpointMade | StateDigested,
    }
