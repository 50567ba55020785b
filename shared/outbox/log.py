"""What a lane has published, by number: the source from which readers fetch what they missed.

Promises: `read_after` answers events with the very numbers, keys and values that were or will be sent, contiguous from the one
behind `after` on; or that this one is not kept any more, and which is the first that is. Never a part with a hole in it.
Does not promise: rows without a number. They were not sent yet, or before there were numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events import Record
from shared.events.wire import Position, placed
from shared.outbox.batches import Read, row_events
from shared.outbox.failures import Undecodable
from shared.outbox.port import Numbered
from shared.outbox.sql.tables import RelayTables
from shared.outbox.table import Lane
from shared.system import find

BYTES_AT_ONCE = 4 * 1024 * 1024
"""Of rows' bodies in one answer, so that many large events do not come together."""


@dataclass(frozen=True, slots=True)
class Event:
    sequence: int
    record: Record


@dataclass(frozen=True, slots=True)
class Events:
    """`next` is the number after which to go on, None if there is nothing more."""

    items: Sequence[Event]
    next: int | None


@dataclass(frozen=True, slots=True)
class Purged:
    """What was asked for is not kept; `first` is the number from which on everything is, or will be."""

    first: int


async def read_after(connection: AsyncConnection, tables: RelayTables, lane: Lane, after: int, limit: int) -> Events | Purged:
    """At most `limit` events, and at least one if there is one."""
    assigned = await connection.scalar(select(tables.lanes.c.assigned).where(tables.of(lane))) or 0
    if after >= assigned:
        return Events((), None)
    wanted = await _outline(connection, tables, lane, after, limit)
    if not wanted or wanted[0].sequence > after + 1:
        return Purged(wanted[0].sequence if wanted else assigned + 1)
    epoch = (await find(connection, tables.system)).epoch
    rows = await _bodies(connection, tables, lane, wanted)
    found = list(islice(_events(rows, tables.outbox.records, epoch, after), limit))
    more = bool(found) and found[-1].sequence < assigned
    return Events(found, found[-1].sequence if more else None)


@dataclass(frozen=True, slots=True)
class _Outline:
    sequence: int
    events: int
    size: int


async def _outline(connection: AsyncConnection, tables: RelayTables, lane: Lane, after: int, limit: int) -> list[_Outline]:
    """The rows that hold the events wanted, without their bodies: the one that `after` lies in, and those that follow."""
    columns = tables.outbox.table.c
    here = _numbered_in(tables, lane)
    first = select(func.max(columns.sequence)).where(here, columns.sequence <= after + 1).scalar_subquery()
    found = await connection.execute(
        select(columns.sequence, columns.events, func.length(columns.body))
        .where(here, columns.sequence >= func.coalesce(first, 0))
        .order_by(columns.sequence)
        .limit(limit + 1)
    )
    rows = [outline for row in found if (outline := _Outline(*row)).sequence + outline.events > after + 1]
    return list(_within(rows, after + limit))


def _within(rows: Sequence[_Outline], last: int) -> Iterator[_Outline]:
    """As many as hold the numbers up to `last`, and are not too large together; at least one."""
    size = 0
    for row in rows:
        size += row.size
        if row.sequence > last or (row is not rows[0] and size > BYTES_AT_ONCE):
            return
        yield row


async def _bodies(connection: AsyncConnection, tables: RelayTables, lane: Lane, wanted: Sequence[_Outline]) -> Sequence[Numbered]:
    columns = tables.outbox.table.c
    statement: Select[Any] = (
        select(columns.id, columns.sequence, columns.events, columns.kind, columns.body)
        .where(_numbered_in(tables, lane), columns.sequence.between(wanted[0].sequence, wanted[-1].sequence))
        .order_by(columns.sequence)
    )
    return [Numbered(*row) for row in await connection.execute(statement)]


def _numbered_in(tables: RelayTables, lane: Lane) -> Any:
    columns = tables.outbox.table.c
    return and_(columns.topic == lane.topic, columns.partition == lane.partition, columns.sequence.is_not(None))


def _events(rows: Sequence[Numbered], read: Read, epoch: int, after: int) -> Iterator[Event]:
    """Ends at a row that cannot be read, and at a hole: what comes behind it is not what follows."""
    due = after + 1
    for row in rows:
        try:
            records = row_events(row, read)
        except Undecodable:
            return
        for sequence, record in enumerate(records, row.sequence):
            if sequence > due:
                return
            if sequence == due:
                yield Event(sequence, placed(record, Position(epoch, sequence)))
                due += 1
