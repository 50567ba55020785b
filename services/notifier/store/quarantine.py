"""Records set aside with their bytes, because they could not be understood or contradict what is stored."""

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import RowMapping, Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.quarantine import Outcome, RecordState, Verb
from services.notifier.tables import quarantine, quarantine_actions
from shared.events import Headers, Record
from shared.ids import DirectiveId, Jurisdiction, Key, Target
from shared.sql import in_chunks

SOURCE = "blocklist"
"""Stands for the topic of what the blocklist itself answered; such a thing has no partition and no offset."""

NOWHERE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """`about` is what the record speaks of, where that can be read. `headers` of None were not kept, by an older release."""

    topic: str
    partition: int
    offset: int
    reason: str
    key: bytes
    value: bytes | None
    at: datetime
    id: int = 0
    headers: Headers | None = None
    state: RecordState = RecordState.OPEN
    closed_at: datetime | None = None
    about: Key | DirectiveId | None = None
    holds: bool = False
    freed_at: datetime | None = None
    freed_by: str | None = None

    @property
    def held(self) -> bool:
        return self.holds and self.freed_at is None

    @property
    def sha256(self) -> str:
        parts = (self.key, self.value or b"", b"" if self.value is None else b"v", *(v for _, v in self.headers or ()))
        return sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()

    @property
    def record(self) -> Record:
        return Record(self.key, self.value, self.headers or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What an operator did about a record, and what came of it."""

    at: datetime
    verb: Verb
    actors: tuple[str, ...]
    memo: str | None
    outcome: Outcome
    detail: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    record: Quarantined
    actions: Sequence[Action] = field(default_factory=list)


async def add(connection: AsyncConnection, records: Sequence[Quarantined]) -> list[Quarantined]:
    """Sets aside those that are not there yet: a record that is read again is still one. Answers which those are."""
    known = await _known(connection, records)
    new = [record for record in records if _place(record) not in known]
    if new:
        await connection.execute(insert(quarantine), [_row(record) for record in new])
    return new


async def page(
    connection: AsyncConnection, *, after: int, limit: int, states: Collection[RecordState] = tuple(RecordState)
) -> list[Shown]:
    wanted = quarantine.c.state.in_(sorted(states))
    found = await _read(connection, select(*quarantine.c).where(quarantine.c.id > after, wanted).limit(limit))
    actions = await _actions(connection, [record.id for record in found])
    return [Shown(record, actions.get(record.id, [])) for record in found]


async def find(connection: AsyncConnection, id_: int) -> Shown | None:
    found = await _read(connection, select(*quarantine.c).where(quarantine.c.id == id_))
    return Shown(found[0], (await _actions(connection, [id_])).get(id_, [])) if found else None


async def locked(connection: AsyncConnection, id_: int) -> Quarantined | None:
    """Whoever else works on the record waits for this transaction."""
    found = await _read(connection, select(*quarantine.c).where(quarantine.c.id == id_).with_for_update())
    return found[0] if found else None


async def record_action(connection: AsyncConnection, record: Quarantined, action: Action, after: RecordState) -> None:
    """Keeps what was done, and the state that the record has after it."""
    values = {"record": record.id, **{name: getattr(action, name) for name in Action.__slots__}}
    await connection.execute(insert(quarantine_actions).values(values | {"actors": list(action.actors)}))
    if after is not record.state:
        closed = update(quarantine).where(quarantine.c.id == record.id).values(state=after, closed_at=action.at)
        await connection.execute(closed)


async def count(connection: AsyncConnection) -> int:
    """Those that nobody is done with."""
    wanted = quarantine.c.state == RecordState.OPEN.value
    return (await connection.execute(select(func.count()).select_from(quarantine).where(wanted))).scalar_one()


async def _known(connection: AsyncConnection, records: Sequence[Quarantined]) -> set[tuple[str, int, int, str]]:
    c = quarantine.c
    found: set[tuple[str, int, int, str]] = set()
    for topic, partition in {(record.topic, record.partition) for record in records}:
        offsets = sorted({record.offset for record in records if (record.topic, record.partition) == (topic, partition)})
        for chunk in in_chunks(offsets):
            statement = select(c.offset, c.sha256).where(c.topic == topic, c.partition == partition, c.offset.in_(chunk))
            if topic == SOURCE:
                statement = statement.where(c.state.in_([RecordState.OPEN.value, RecordState.SKIPPED.value]))
            found |= {(topic, partition, offset, digest) for offset, digest in await connection.execute(statement)}
    return found


async def _actions(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[Action]]:
    c = quarantine_actions.c
    found: dict[int, list[Action]] = {}
    for row in (await connection.execute(select(*c).where(c.record.in_(ids)).order_by(c.id))).mappings():
        found.setdefault(row["record"], []).append(_action(row))
    return found


async def _read(connection: AsyncConnection, statement: Select[Any]) -> list[Quarantined]:
    return list(map(_quarantined, (await connection.execute(statement.order_by(quarantine.c.id))).mappings()))


def _place(record: Quarantined) -> tuple[str, int, int, str]:
    return (record.topic, record.partition, record.offset, record.sha256)


def _row(record: Quarantined) -> dict[str, Any]:
    about = record.about
    key = about if isinstance(about, Key) else None
    headers = None if record.headers is None else [[name, _written(value)] for name, value in record.headers]
    same = ("topic", "partition", "offset", "reason", "key", "value", "at", "sha256", "state", "holds")
    return {
        **{name: getattr(record, name) for name in same},
        "headers": headers,
        "jurisdiction": key and key.jurisdiction,
        "target": key and key.target,
        "directive": None if key else about,
    }


def _quarantined(row: RowMapping) -> Quarantined:
    same = ("id", "topic", "partition", "offset", "reason", "key", "value", "at", "closed_at", "holds", "freed_at", "freed_by")
    headers = row["headers"]
    return Quarantined(
        **{name: row[name] for name in same},
        headers=None if headers is None else tuple((name, base64.b64decode(value)) for name, value in headers),
        state=RecordState(row["state"]),
        about=_about(row),
    )


def _about(row: RowMapping) -> Key | DirectiveId | None:
    if row["target"] is not None:
        return Key(Jurisdiction(row["jurisdiction"]), Target(row["target"]))
    return None if row["directive"] is None else DirectiveId(row["directive"])


def _action(row: RowMapping) -> Action:
    return Action(
        at=row["at"],
        verb=Verb(row["verb"]),
        actors=tuple(row["actors"]),
        memo=row["memo"],
        outcome=Outcome(row["outcome"]),
        detail=row["detail"],
    )


def _written(value: bytes) -> str:
    return base64.b64encode(value).decode()
