"""Gathers the evidence of a run: the history, both databases, every topic whole, and the points' logs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import TopicPartition

from services.blocklist.outbox import OUTBOX as BLOCKLIST_OUTBOX
from services.notifier.outbox import OUTBOX as NOTIFIER_OUTBOX
from shared.events import TYPE_OF, EnforcementOverdue, position_of
from shared.kafka import make_consumer
from shared.outbox.table import Outbox
from shared.topics import Topics
from tests.faults.checker.evidence import (
    Answer,
    Applied,
    Batch,
    Deliberate,
    Directive,
    Enforcement,
    Evidence,
    ItemVersion,
    Key,
    KeyVersion,
    Lane,
    Moment,
    Overdue,
    Point,
    Published,
    Queued,
)
from tests.faults.history import told

Row = Mapping[str, Any]
Rows = Sequence[Row]

HOLES = "SELECT (SELECT count(*) FROM version_holes) + (SELECT count(*) FROM revision_holes) + (SELECT count(*) FROM stream_gaps)"
"""What the notifier knows to be missing."""

_KEY_COLUMNS = "target, jurisdiction, version, state, cause, directives::text"
_ITEM_COLUMNS = "directive, target, version, state, claims::text, stayed, batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where to look, past every proxy."""

    history: Path
    blocklist: str
    notifier: str
    bootstrap: str
    topics: Topics
    points: Sequence[Point]
    point_logs: Mapping[str, Path]


async def collect(sources: Sources, *, moments: Sequence[Moment], deliberate: Deliberate, quiet_after: float | None) -> Evidence:
    """Everything, as it is now. Nothing may move any more."""
    records, ends = await read_topics(sources.bootstrap, sources.topics)
    blocklist, notifier = await asyncpg.connect(sources.blocklist), await asyncpg.connect(sources.notifier)
    try:
        return Evidence(
            told=told(sources.history),
            **await _intent(blocklist),
            **await _effect(notifier),
            queued=[
                *await _queued(blocklist, BLOCKLIST_OUTBOX, "blocklist"),
                *await _queued(notifier, NOTIFIER_OUTBOX, "notifier"),
            ],
            published=[published for published, _ in records],
            overdue=[_overdue(record) for _, record in records if _is_overdue(record)],
            ends=ends,
            moments=moments,
            points=sources.points,
            applied=[applied for name, path in sources.point_logs.items() for applied in _applied(name, path)],
            deliberate=deliberate,
            state_topic=sources.topics.withholdings,
            periodic=frozenset({sources.topics.checkpoints}),
            quiet_after=quiet_after,
        )
    finally:
        await blocklist.close()
        await notifier.close()


async def _intent(connection: Any) -> dict[str, Any]:
    keys = (
        f"SELECT {_KEY_COLUMNS}, claimants::text FROM withholdings UNION ALL SELECT {_KEY_COLUMNS}, NULL FROM withholding_history"
    )
    items = f"SELECT {_ITEM_COLUMNS} FROM items UNION ALL SELECT {_ITEM_COLUMNS} FROM item_history"
    directives = "SELECT id, authority, reference, kind, scope, status, revision, supersedes FROM directives"
    lanes = "SELECT topic, partition, published, digest FROM relay_lanes"
    return {
        "answers": {
            row["key"]: Answer(row["status"], json.loads(row["body"]))
            for row in await connection.fetch("SELECT key, status, body FROM idempotency")
        },
        "directives": [Directive(**{**row, "scope": _json(row["scope"])}) for row in await connection.fetch(directives)],
        "items": [ItemVersion(**{**row, "claims": _json(row["claims"])}) for row in await connection.fetch(items)],
        "batches": [Batch(**row) for row in await connection.fetch("SELECT id, items, withholdings_changed FROM batches")],
        "intent": [_key_version(row) for row in await connection.fetch(keys)],
        "lanes": [
            Lane(topic=row["topic"], partition=row["partition"], sequence=row["published"], digest=row["digest"])
            for row in await connection.fetch(lanes)
        ],
    }


async def _effect(connection: Any) -> dict[str, Any]:
    keys = f"SELECT {_KEY_COLUMNS} FROM withholdings UNION ALL SELECT {_KEY_COLUMNS} FROM withholding_history"
    offsets = "SELECT topic, partition, sequence, digest FROM offsets WHERE sequence IS NOT NULL AND digest IS NOT NULL"
    enforcements = "SELECT point, jurisdiction, target, version, state, current FROM enforcements"
    return {
        "known": [_key_version(row) for row in await connection.fetch(keys)],
        "known_directives": {
            row["id"]: (row["revision"], row["status"])
            for row in await connection.fetch("SELECT id, revision, status FROM directives")
        },
        "holes": await connection.fetchval(HOLES),
        "quarantined": frozenset(map(tuple, await connection.fetch('SELECT topic, partition, "offset" FROM quarantine'))),
        "seen_lanes": [Lane(**row) for row in await connection.fetch(offsets)],
        "enforcements": [
            Enforcement(
                point=row["point"],
                key=Key(row["jurisdiction"], row["target"]),
                version=row["version"],
                state=row["state"],
                current=row["current"],
            )
            for row in await connection.fetch(enforcements)
        ],
    }


def _key_version(row: Row) -> KeyVersion:
    claimants = row.get("claimants")
    return KeyVersion(
        key=Key(row["jurisdiction"], row["target"]),
        version=row["version"],
        state=row["state"],
        cause=row["cause"],
        directives=_json(row["directives"]),
        claimants=None if claimants is None else frozenset(_json(claimants)),
    )


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


async def _queued(connection: Any, outbox: Outbox, service: str) -> list[Queued]:
    rows = await connection.fetch("SELECT id, topic, partition, kind, body, published_at, sequence FROM outbox ORDER BY id")
    return [event for row in rows for event in _events(row, outbox, service)]


def _events(row: Row, outbox: Outbox, service: str) -> Iterable[Queued]:
    for place, record in enumerate(outbox.records(row["kind"], row["body"])):
        yield Queued(
            service=service,
            row=row["id"],
            topic=row["topic"],
            partition=row["partition"],
            key=record.key.decode(),
            id=dict(record.headers)["ce_id"].decode(),
            value=record.value,
            published=row["published_at"] is not None,
            sequence=None if row["sequence"] is None else row["sequence"] + place,
        )


async def read_topics(bootstrap: str, topics: Topics) -> tuple[list[tuple[Published, Any]], dict[tuple[str, int], int]]:
    """Every record of every topic up to its end, and the ends of those that the notifier reads."""
    consumer = make_consumer(bootstrap, group=None, client_id="checker")
    await consumer.start()
    try:
        places = [TopicPartition(spec.name, number) for spec in topics.specs() for number in range(spec.partitions)]
        consumer.assign(places)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
        await consumer.seek_to_beginning(*places)
        records: list[tuple[Published, Any]] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for batch in (await consumer.getmany(timeout_ms=500, max_records=20_000)).values():
                records += [(_published(record), record if _is_overdue(record) else None) for record in batch]
    finally:
        await consumer.stop()
    return records, {(place.topic, place.partition): end for place, end in ends.items()}


def _published(record: Any) -> Published:
    headers, position = dict(record.headers), position_of(record.headers)
    return Published(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=(record.key or b"").decode(errors="replace"),
        id=headers.get("ce_id", b"").decode(errors="replace"),
        value=record.value,
        sequence=position.sequence if position else None,
        epoch=position.epoch if position else None,
    )


def _is_overdue(record: Any) -> bool:
    return record is not None and dict(record.headers).get("ce_type") == TYPE_OF[EnforcementOverdue].encode()


def _overdue(record: Any) -> Overdue:
    told_of = json.loads(record.value)
    return Overdue(
        id=dict(record.headers)["ce_id"].decode(),
        point=told_of["point"],
        key=Key(told_of["jurisdiction"], told_of["target"]),
        version=told_of["version"],
        due_at=datetime.fromisoformat(told_of["due_at"]).timestamp(),
        at=datetime.fromisoformat(told_of["at"]).timestamp(),
    )


def _applied(name: str, path: Path) -> list[Applied]:
    entries = map(json.loads, path.read_text().splitlines() if path.exists() else ())
    return [
        Applied(
            point=name, run=entry["run"], key=Key(entry["place"], entry["target"]), version=entry["version"], state=entry["state"]
        )
        for entry in entries
    ]
