"""The outbox: what has to be published, written in the transaction that made it true.

Promises
 1. A row is in the outbox exactly if its change was committed: `append` takes the open connection and can neither begin nor
    commit.
 2. Rows of one lane (topic and partition) carry ids in the order of their commits as far as one key is concerned, if whoever
    appends holds a lock that the key's next row needs, too: the next row is inserted, and numbered, later.
 3. A row that has a `sequence` keeps it: it is the place of its first event in all that its lane ever published.
Does not promise: order between lanes, or between keys. Nobody may read it by `id > last seen`: ids become visible out of order.
Would break it: a sequence with a cache, a second transaction, or a row for a change that was not made.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Instant
from shared.events import Record
from shared.sql import SERIAL

CHANNEL = "geowithhold_outbox"
"""What the relay listens to on PostgreSQL. Channels are of one database, as outboxes are."""

LANES_CHANNEL = "geowithhold_lanes"
"""What relays listen to, to hear of lanes that have become free."""

RECORD = "event"
"""The form of a row whose body is one record, as it will be sent."""

Form = Callable[[bytes], Iterable[Record]]
"""How the body of a row becomes its records."""


class Lane(NamedTuple):
    """What is kept in order, and published by one batch at a time."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Row:
    """What is appended: a body in one of the outbox's forms, that stands for so many events."""

    lane: Lane
    form: str
    events: int
    body: bytes


_encode_record = msgspec.msgpack.Encoder().encode
_decode_record = msgspec.msgpack.Decoder(Record).decode


def outbox_table(metadata: MetaData) -> Table:
    """The table, the same in each service that has one."""
    table = Table(
        "outbox",
        metadata,
        Column("id", SERIAL, primary_key=True, autoincrement=True),
        Column("topic", String(100), nullable=False),
        Column("partition", Integer, nullable=False),
        Column("events", Integer, nullable=False),
        Column("kind", String(16), nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("created_at", Instant, nullable=False),
        Column("published_at", Instant),
        Column("sequence", BigInteger),
        Column("kafka_offset", BigInteger),
        sqlite_autoincrement=True,
    )
    waits = table.c.published_at.is_(None)
    Index(
        "ix_outbox_unpublished",
        table.c.topic,
        table.c.partition,
        table.c.id,
        sqlite_where=waits,
        postgresql_where=waits,
    )
    numbered = table.c.sequence.is_not(None)
    Index(
        "ix_outbox_sequence",
        table.c.topic,
        table.c.partition,
        table.c.sequence,
        sqlite_where=numbered,
        postgresql_where=numbered,
    )
    return table


def lanes_table(metadata: MetaData) -> Table:
    """Who works on each lane, and how far its numbering has come."""
    return Table(
        "relay_lanes",
        metadata,
        Column("topic", String(100), primary_key=True),
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("epoch", BigInteger, nullable=False, server_default="0"),
        Column("owner", String(200)),
        Column("lease_until", Instant),
        Column("assigned", BigInteger, nullable=False, server_default="0"),
        Column("published", BigInteger, nullable=False, server_default="0"),
        Column("digest", String(64), nullable=False, server_default=""),
        Column("marked_sequence", BigInteger, nullable=False, server_default="0"),
        Column("marked_digest", String(64), nullable=False, server_default=""),
        Column("checkpointed", BigInteger, nullable=False, server_default="0"),
        Column("checkpointed_at", Instant),
        Column("halted_at", Instant),
        Column("halted_reason", Text),
        comment="`epoch` rises with each owner; `assigned` is the last sequence given out, `published` the last acknowledged.",
    )


def members_table(metadata: MetaData) -> Table:
    """The relays that are alive, to share the lanes among them."""
    return Table(
        "relay_members",
        metadata,
        Column("owner", String(200), primary_key=True),
        Column("seen_at", Instant, nullable=False),
    )


def row_of(lane: Lane, record: Record) -> Row:
    """A row for one record."""
    return Row(lane, RECORD, 1, _encode_record(record))


@dataclass(frozen=True, slots=True)
class Outbox:
    """One service's outbox. `forms` are those that bodies may have beside `RECORD`."""

    table: Table
    forms: Mapping[str, Form] = field(default_factory=dict)

    async def append(self, connection: AsyncConnection, rows: Sequence[Row], at: datetime) -> None:
        """Queues the rows, in their order, and wakes the relay once the transaction has committed."""
        if not rows:
            return
        await connection.execute(insert(self.table), [_columns(row, at) for row in rows])
        if connection.dialect.name == "postgresql":
            await connection.execute(text(f"NOTIFY {CHANNEL}"))

    async def backlog(self, connection: AsyncConnection) -> tuple[int, datetime | None]:
        """How many events wait, and since when the oldest does."""
        columns = self.table.c
        found = await connection.execute(
            select(func.coalesce(func.sum(columns.events), 0), func.min(columns.created_at)).where(columns.published_at.is_(None))
        )
        waiting, oldest = found.one()
        return int(waiting), oldest

    def records(self, form: str, body: bytes) -> Iterable[Record]:
        """The events of a row, in order."""
        return [_decode_record(body)] if form == RECORD else self.forms[form](body)


def _columns(row: Row, at: datetime) -> dict[str, object]:
    lane = row.lane
    return {
        "topic": lane.topic,
        "partition": lane.partition,
        "kind": row.form,
        "events": row.events,
        "body": row.body,
        "created_at": at,
    }
