"""What the blocklist queues for publication, and in which form.

Promises, beyond those of `shared.outbox`
 1. A key's rows are in the order of its versions, a directive's in that of its revisions: each next one is made under the row
    lock of the one before.
 2. Many changes take few rows: changes alike but for target and version share a chunk of at most `CHUNK` events.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.withholding import Withholding
from services.blocklist.outbound import withholding_changed
from services.blocklist.tables import outbox, relay_lanes, relay_members, system
from shared.events import CaseEvent, Record, StateDigested, WithholdingChanged, encode
from shared.ids import Key, Target, type_of
from shared.outbox.sql import RelayTables
from shared.outbox.table import Lane, Outbox, Row, row_of
from shared.topics import Topics

CHUNK = 1000
SOURCE = "/geowithhold/blocklist"

_CHUNK = "chunk"
"""The form of a row that holds many withholdings, compact."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Changes alike but for target and version: one of them in full, and each of them by what differs."""

    pattern: WithholdingChanged
    changes: list[tuple[Target, int]]


_encode = msgspec.msgpack.Encoder().encode
_decode_chunk = msgspec.msgpack.Decoder(_Chunk).decode


async def append_withholdings(connection: AsyncConnection, topics: Topics, versions: Iterable[Withholding], at: datetime) -> None:
    """Queues the publication of new versions. `versions` holds each key at most once."""
    rows = [
        Row(lane, _CHUNK, len(chunk), _encode(_compact(chunk)))
        for lane, changes in _by_lane(topics, versions).items()
        for chunk in _alike(changes)
    ]
    await OUTBOX.append(connection, rows, at)


async def append_digests(connection: AsyncConnection, topics: Topics, digests: Iterable[StateDigested], at: datetime) -> None:
    """Queues digests of states. They have lanes of their own: no change of a key waits for one."""
    rows = [
        row_of(
            Lane(topics.checkpoints, topics.partition_of(digest.jurisdiction)),
            encode(
                digest,
                id=f"{digest.jurisdiction}={digest.epoch}@{digest.as_of.isoformat()}",
                source=SOURCE,
                subject=digest.jurisdiction,
                time=at,
            ),
        )
        for digest in digests
    ]
    await OUTBOX.append(connection, rows, at)


async def append_case_events(connection: AsyncConnection, topics: Topics, events: Iterable[CaseEvent], at: datetime) -> None:
    """Queues case events, in the order of their revisions."""
    rows = [
        row_of(
            Lane(topics.directives, topics.partition_of(event.directive)),
            encode(event, id=f"{event.directive}@{event.revision}", source=SOURCE, subject=event.directive, time=at),
        )
        for event in events
    ]
    await OUTBOX.append(connection, rows, at)


def without(body: bytes, known: Mapping[Key, int]) -> tuple[bytes, int]:
    """The body of a row of many versions without those up to the known ones, and how many are left."""
    chunk = _decode_chunk(body)
    left = [
        (target, version) for target, version in chunk.changes if known.get(Key(chunk.pattern.jurisdiction, target), 0) < version
    ]
    return _encode(_Chunk(chunk.pattern, left)), len(left)


def _by_lane(topics: Topics, versions: Iterable[Withholding]) -> dict[Lane, list[Withholding]]:
    lanes: dict[Lane, list[Withholding]] = defaultdict(list)
    for version in versions:
        lanes[Lane(topics.withholdings, topics.partition_of(str(version.key)))].append(version)
    return lanes


def _alike(changes: Sequence[Withholding]) -> Iterator[Sequence[Withholding]]:
    groups: dict[tuple[object, ...], list[Withholding]] = defaultdict(list)
    for change in changes:
        groups[
            change.key.jurisdiction,
            change.state,
            change.cause,
            change.directives,
            change.effective_at,
            change.due_at,
            change.label,
        ].append(change)
    for group in groups.values():
        for start in range(0, len(group), CHUNK):
            yield group[start : start + CHUNK]


def _compact(alike: Sequence[Withholding]) -> _Chunk:
    return _Chunk(withholding_changed(alike[0]), [(change.key.target, change.version) for change in alike])


def _expanded(body: bytes) -> Iterator[Record]:
    chunk = _decode_chunk(body)
    for target, version in chunk.changes:
        yield _record(replace(chunk.pattern, target=target, target_type=type_of(target), version=version))


def _record(change: WithholdingChanged) -> Record:
    key = str(Key(change.jurisdiction, change.target))
    return encode(change, id=f"{key}@{change.version}", source=SOURCE, subject=key, time=change.effective_at)


OUTBOX = Outbox(outbox, {_CHUNK: _expanded})
RELAY_TABLES = RelayTables(outbox=OUTBOX, lanes=relay_lanes, members=relay_members, system=system)
