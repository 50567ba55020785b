"""The authorities' notices and the platform's replies: one row each, however often it is told."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.compliance import NON_COMPLIANCE
from services.notifier.tables import notices, replies
from shared.ids import DirectiveId
from shared.sql import in_chunks, upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    id: str
    directive: DirectiveId
    kind: str
    provision: str | None
    received_at: datetime
    due_at: datetime | None
    supplied: tuple[str, ...]
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    id: str
    directive: DirectiveId
    kind: str
    sent_at: datetime
    cause: str | None
    impediment_ended_at: datetime | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A directive's correspondence in numbers."""

    notices: int
    replies: int
    non_compliance: int


async def add_notices(connection: AsyncConnection, found: Sequence[Notice]) -> None:
    if found:
        await connection.execute(upsert(connection, notices).on_conflict_do_nothing(), list(map(asdict, found)))


async def add_replies(connection: AsyncConnection, found: Sequence[Reply]) -> None:
    if found:
        await connection.execute(upsert(connection, replies).on_conflict_do_nothing(), list(map(asdict, found)))


async def tallies(connection: AsyncConnection, ids: Sequence[DirectiveId]) -> dict[DirectiveId, Tally]:
    received, scolded, answered = Counter[str](), Counter[str](), Counter[str]()
    for chunk in in_chunks(ids):
        by_kind = select(notices.c.directive, notices.c.kind, func.count()).where(notices.c.directive.in_(chunk))
        for id_, kind, number in await connection.execute(by_kind.group_by(notices.c.directive, notices.c.kind)):
            received[id_] += number
            scolded[id_] += number if kind == NON_COMPLIANCE else 0
        counted = select(replies.c.directive, func.count()).where(replies.c.directive.in_(chunk)).group_by(replies.c.directive)
        for id_, number in await connection.execute(counted):
            answered[id_] += number
    return {id_: Tally(notices=received[id_], replies=answered[id_], non_compliance=scolded[id_]) for id_ in ids}
