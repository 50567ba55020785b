"""What happened to a directive: its timeline, the authority's notices and our replies."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.store.rows import Row, fetch_all
from services.blocklist.tables import case_events, notices, replies
from shared.events import TYPE_OF, TYPES, CaseEvent
from shared.ids import DirectiveId
from shared.sql import upsert

CASE_TYPES: Mapping[str, type[CaseEvent]] = {name: kind for name, kind in TYPES.items() if issubclass(kind, CaseEvent)}


async def append(
    connection: AsyncConnection, events: Sequence[CaseEvent], at: datetime, detail: Mapping[str, Any] | None
) -> None:
    """Adds events to the timeline exactly as they will be published; `detail` goes with the first and is never published."""
    rows = [
        {**_row(event, at), "detail": dict(detail) if detail and position == 0 else None} for position, event in enumerate(events)
    ]
    await connection.execute(insert(case_events), rows)


async def bring(connection: AsyncConnection, events: Sequence[tuple[CaseEvent, datetime]]) -> None:
    """Adds events that were published, each with its own time, as they were; one that is there already stays."""
    rows = [_row(event, at) for event, at in events]
    if rows:
        await connection.execute(upsert(connection, case_events).on_conflict_do_nothing(), rows)


async def has_notice(connection: AsyncConnection, id_: str) -> bool:
    return await connection.scalar(select(notices.c.id).where(notices.c.id == id_)) is not None


async def has_reply(connection: AsyncConnection, id_: str) -> bool:
    return await connection.scalar(select(replies.c.id).where(replies.c.id == id_)) is not None


async def timeline(connection: AsyncConnection, directive: DirectiveId, *, after: int, limit: int) -> list[Row]:
    statement = select(*case_events.c).where(case_events.c.directive == directive, case_events.c.revision > after)
    return await fetch_all(connection, statement.order_by(case_events.c.revision).limit(limit))


async def published(
    connection: AsyncConnection, directive: DirectiveId, *, after: int, limit: int
) -> list[tuple[CaseEvent, datetime]]:
    """The directive's events behind a revision, each as it was published, and when it happened."""
    rows = await timeline(connection, directive, after=after, limit=limit)
    return [(msgspec.convert(row["data"], CASE_TYPES[row["type"]]), row["at"]) for row in rows]


async def add_notice(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    await connection.execute(insert(notices).values(dict(values)))


async def add_reply(connection: AsyncConnection, values: Mapping[str, Any]) -> None:
    await connection.execute(insert(replies).values(dict(values)))


async def correspondence(connection: AsyncConnection, directive: DirectiveId) -> tuple[list[Row], list[Row]]:
    """Notices and replies of a directive, each in the order of their dates."""
    received = select(*notices.c).where(notices.c.directive == directive).order_by(notices.c.received_at, notices.c.id)
    sent = select(*replies.c).where(replies.c.directive == directive).order_by(replies.c.sent_at, replies.c.id)
    return await fetch_all(connection, received), await fetch_all(connection, sent)


def _row(event: CaseEvent, at: datetime) -> dict[str, Any]:
    return {
        "directive": event.directive,
        "revision": event.revision,
        "type": TYPE_OF[type(event)],
        "at": at,
        "data": msgspec.to_builtins(event),
    }
