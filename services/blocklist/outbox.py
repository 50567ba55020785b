"""The outbox: what has to be published, written in the transaction that made it true.

Promises
 1. A row is in the outbox exactly if its change was committed: `append_*` takes the open connection and can neither begin
    nor commit.
 2. Rows of one lane (topic and partition) carry ids in the order of their commits as far as one key is concerned: a key's
    next version is made under the row lock of the one before, so its row is inserted, and numbered, later.
 3. Many changes take few rows: changes alike but for target and version share a chunk of at most `CHUNK` events.
Does not promise: order between lanes, or between keys. Nobody may read it by `id > last seen`: ids become visible out of order.
Would break it: a sequence with a cache, a second transaction, or a row for a change that was not made.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.withholding import Withholding
from services.blocklist.outbound import withholding_changed
from services.blocklist.tables import outbox
from shared.events import CaseEvent, Record, WithholdingChanged, encode
from shared.ids import Key, Target, type_of
from shared.topics import Topics

CHUNK = 1000
SOURCE = "/geowithhold/blocklist"
CHANNEL = "geowithhold_outbox"
"""What the relay listens to on PostgreSQL."""

_CHUNK, _EVENT = "chunk", "event"
"""The two forms of a row's body: many withholdings, compact, or one record as it will be sent."""


class Lane(NamedTuple):
    """What is kept in order, and published by one batch at a time."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One unpublished row: its events, in order, ready for the broker."""

    id: int
    records: Sequence[Record]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Changes alike but for target and version: one of them in full, and each of them by what differs."""

    pattern: WithholdingChanged
    changes: list[tuple[Target, int]]


_encode = msgspec.msgpack.Encoder().encode
_decode_chunk = msgspec.msgpack.Decoder(_Chunk).decode
_decode_record = msgspec.msgpack.Decoder(Record).decode


async def append_withholdings(connection: AsyncConnection, topics: Topics, versions: Iterable[Withholding], at: datetime) -> None:
    """Queues the publication of new versions. `versions` holds each key at most once."""
    rows = [
        _row(lane, _CHUNK, len(chunk), _encode(_compact(chunk)), at)
        for lane, changes in _by_lane(topics, versions).items()
        for chunk in _alike(changes)
    ]
    await _insert(connection, rows)


async def append_case_events(connection: AsyncConnection, topics: Topics, events: Iterable[CaseEvent], at: datetime) -> None:
    """Queues case events, in the order of their revisions."""
    rows = [
        _row(
            Lane(topics.directives, topics.partition_of(event.directive)),
            _EVENT,
            1,
            _encode(encode(event, id=f"{event.directive}@{event.revision}", source=SOURCE, subject=event.directive, time=at)),
            at,
        )
        for event in events
    ]
    await _insert(connection, rows)


async def waiting_lanes(connection: AsyncConnection) -> list[Lane]:
    """Lanes that have something to publish."""
    found = await connection.execute(select(outbox.c.topic, outbox.c.partition).where(outbox.c.published_at.is_(None)).distinct())
    return sorted(Lane(topic, partition) for topic, partition in found)


async def unpublished(connection: AsyncConnection, lane: Lane, limit: int) -> list[Entry]:
    """The lane's oldest rows that no broker has acknowledged, in order. Never skips one."""
    found = await connection.execute(
        select(outbox.c.id, outbox.c.kind, outbox.c.body)
        .where(outbox.c.topic == lane.topic, outbox.c.partition == lane.partition, outbox.c.published_at.is_(None))
        .order_by(outbox.c.id)
        .limit(limit)
    )
    return [Entry(id_, list(_records(kind, body))) for id_, kind, body in found]


async def mark_published(connection: AsyncConnection, ids: Sequence[int], at: datetime) -> None:
    """Called only for rows whose every event the broker acknowledged."""
    await connection.execute(update(outbox).where(outbox.c.id.in_(ids)).values(published_at=at))


async def backlog(connection: AsyncConnection) -> tuple[int, datetime | None]:
    """How many events wait, and since when the oldest does."""
    found = await connection.execute(
        select(func.coalesce(func.sum(outbox.c.events), 0), func.min(outbox.c.created_at)).where(outbox.c.published_at.is_(None))
    )
    waiting, oldest = found.one()
    return int(waiting), oldest


async def _insert(connection: AsyncConnection, rows: Sequence[dict[str, object]]) -> None:
    if not rows:
        return
    await connection.execute(insert(outbox), rows)
    if connection.dialect.name == "postgresql":
        await connection.execute(text(f"NOTIFY {CHANNEL}"))


def _row(lane: Lane, kind: str, events: int, body: bytes, at: datetime) -> dict[str, object]:
    return {"topic": lane.topic, "partition": lane.partition, "kind": kind, "events": events, "body": body, "created_at": at}


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


def _records(kind: str, body: bytes) -> Iterator[Record]:
    if kind == _EVENT:
        yield _decode_record(body)
        return
    chunk = _decode_chunk(body)
    for target, version in chunk.changes:
        yield _record(replace(chunk.pattern, target=target, target_type=type_of(target), version=version))


def _record(change: WithholdingChanged) -> Record:
    key = str(Key(change.jurisdiction, change.target))
    return encode(change, id=f"{key}@{change.version}", source=SOURCE, subject=key, time=change.effective_at)
