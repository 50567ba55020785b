"""What cannot be understood is set aside with its bytes, and what it was about is held until somebody knows.

Promises: of a record that was not understood, and whose key can be read, that key is held, unless a later record of the batch has
told a newer version of it already; the blocklist is asked for the truth. A version that applies ends the holds that were there
before it. All in the transaction of the batch.
Does not promise: a hold where the key cannot be read. The numbering and the digests find what such a record was instead.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.notifier.consumer.records import LONGEST_INDEXED, Consumed, Partition
from services.notifier.domain.facts import SetAside
from services.notifier.domain.holes import WHOLE
from services.notifier.domain.quarantine import FreedBy
from services.notifier.handlers.unit import Unit
from services.notifier.store import held, holes, quarantine
from services.notifier.store.quarantine import Quarantined
from shared.ids import DirectiveId, Key, parse_key
from shared.jurisdictions import parse_jurisdiction
from shared.topics import Topics

_DIRECTIVE = re.compile(rb"dir_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Refused:
    """A record, and why it has no effect. One that `contradicts` says something else than the same version did before."""

    consumed: Consumed
    reason: str
    contradicts: bool = False


async def set_aside(
    unit: Unit, partition: Partition, refused: Sequence[Refused], applied: Mapping[Key, int], topics: Topics
) -> None:
    """`applied` are the keys that have a new present version, with the offset of the record that told it."""
    await held.free_keys(unit.connection, applied, FreedBy.LATER_VERSION, unit.now)
    found = [_quarantined(unit, partition, each, applied, topics) for each in refused]
    new = await quarantine.add(unit.connection, found)
    unit.found.extend(SetAside(record.topic, record.about, record.holds) for record in new)
    about = {record.about for record in new}
    await holes.note_versions(unit.connection, {key: WHOLE for key in about if isinstance(key, Key)}, unit.now)
    named = {id_: WHOLE for id_ in about if id_ is not None and not isinstance(id_, Key)}
    await holes.note_revisions(unit.connection, named, unit.now)


def _quarantined(unit: Unit, partition: Partition, refused: Refused, applied: Mapping[Key, int], topics: Topics) -> Quarantined:
    consumed = refused.consumed
    about = about_of(consumed.record.key, partition.topic, topics)
    told_since = isinstance(about, Key) and about in applied and applied[about] > consumed.offset
    return Quarantined(
        topic=partition.topic,
        partition=partition.number,
        offset=consumed.offset,
        reason=refused.reason,
        key=consumed.record.key,
        value=consumed.record.value,
        headers=consumed.record.headers,
        at=unit.now,
        about=about,
        holds=about is not None and not refused.contradicts and not told_since,
    )


def about_of(key: bytes, topic: str, topics: Topics) -> Key | DirectiveId | None:
    """What a record with this key tells of, if the blocklist can be asked about that."""
    if topic == topics.withholdings:
        return _withholding_key(key)
    if topic == topics.directives and _DIRECTIVE.fullmatch(key):
        return DirectiveId(key.decode())
    return None


def _withholding_key(raw: bytes) -> Key | None:
    try:
        key = parse_key(raw.decode())
        parse_jurisdiction(key.jurisdiction)
    except ValueError:
        return None
    return None if b"\x00" in raw or len(raw) > LONGEST_INDEXED else key
