"""The authorities' notices and the platform's replies: one row each, however often it is told."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, Table, and_, func, select, true
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
    """A directive's correspondence in numbers; of the notices of non-compliance also the first, and the provisions cited."""

    notices: int
    replies: int
    non_compliance: int
    noticed_at: datetime | None
    cited: frozenset[str]


async def add_notices(connection: AsyncConnection, found: Sequence[Notice]) -> None:
    if found:
        await connection.execute(upsert(connection, notices).on_conflict_do_nothing(), list(map(asdict, found)))


async def add_replies(connection: AsyncConnection, found: Sequence[Reply]) -> None:
    if found:
        await connection.execute(upsert(connection, replies).on_conflict_do_nothing(), list(map(asdict, found)))


async def tallies(
    connection: AsyncConnection, ids: Sequence[DirectiveId], *, as_of: datetime | None = None
) -> dict[DirectiveId, Tally]:
    """What has been recorded until now, or had been by then."""
    received, answered = Counter[str](), Counter[str]()
    scolded: dict[str, list[RowMapping]] = {id_: [] for id_ in ids}
    for chunk in in_chunks(ids):
        for numbers, table in ((received, notices), (answered, replies)):
            for id_, number in await connection.execute(_counted(table, chunk, as_of)):
                numbers[id_] += number
        for row in (await connection.execute(_scoldings(chunk, as_of))).mappings():
            scolded[row["directive"]].append(row)
    return {id_: _tally(received[id_], answered[id_], scolded[id_]) for id_ in ids}


async def notices_of(connection: AsyncConnection, directive: DirectiveId, *, as_of: datetime) -> list[Notice]:
    """The notices on the directive that had been recorded by then, in the order of their receipt."""
    statement = select(*notices.c).where(notices.c.directive == directive, recorded_by(notices, as_of))
    rows = (await connection.execute(statement.order_by(notices.c.received_at, notices.c.id))).mappings()
    return [
        Notice(**{**row, "supplied": tuple(row["supplied"] or ()), "recorded_at": row["recorded_at"] or row["received_at"]})
        for row in rows
    ]


async def written_on(
    connection: AsyncConnection, ids: Sequence[DirectiveId], as_of: datetime
) -> tuple[dict[DirectiveId, datetime], dict[DirectiveId, list[str]]]:
    """When the first reply on each directive was sent, and the kinds of the notices on it, of what had been recorded by then."""
    first: dict[DirectiveId, datetime] = {}
    kinds: dict[DirectiveId, list[str]] = {}
    for chunk in in_chunks(ids):
        sent = select(replies.c.directive, func.min(replies.c.sent_at)).where(
            replies.c.directive.in_(chunk), recorded_by(replies, as_of)
        )
        first.update((id_, at) for id_, at in await connection.execute(sent.group_by(replies.c.directive)))
        told = select(notices.c.directive, notices.c.kind).where(notices.c.directive.in_(chunk), recorded_by(notices, as_of))
        for id_, kind in await connection.execute(told):
            kinds.setdefault(id_, []).append(kind)
    return first, kinds


async def replies_of(connection: AsyncConnection, directive: DirectiveId) -> list[Reply]:
    """The replies on the directive, in the order in which they were sent."""
    statement = select(*replies.c).where(replies.c.directive == directive).order_by(replies.c.sent_at, replies.c.id)
    rows = (await connection.execute(statement)).mappings()
    return [Reply(**{**row, "recorded_at": row["recorded_at"] or row["sent_at"]}) for row in rows]


def recorded_by(table: Table, as_of: datetime | None) -> ColumnElement[bool]:
    """Of what was recorded before its time was kept, the time that it says of itself counts."""
    if as_of is None:
        return true()
    own = notices.c.received_at if table is notices else replies.c.sent_at
    return func.coalesce(table.c.recorded_at, own) <= as_of


def _counted(table: Table, ids: Sequence[DirectiveId], as_of: datetime | None) -> Select[Any]:
    wanted = and_(table.c.directive.in_(ids), recorded_by(table, as_of))
    return select(table.c.directive, func.count()).where(wanted).group_by(table.c.directive)


def _scoldings(ids: Sequence[DirectiveId], as_of: datetime | None) -> Select[Any]:
    """Notices of non-compliance: how many cite each provision, and when the first of them came."""
    return (
        select(
            notices.c.directive,
            notices.c.provision,
            func.count().label("number"),
            func.min(notices.c.received_at).label("first"),
        )
        .where(notices.c.directive.in_(ids), notices.c.kind == NON_COMPLIANCE, recorded_by(notices, as_of))
        .group_by(notices.c.directive, notices.c.provision)
    )


def _tally(received: int, answered: int, scolded: Sequence[RowMapping]) -> Tally:
    return Tally(
        notices=received,
        replies=answered,
        non_compliance=sum(row["number"] for row in scolded),
        noticed_at=min((row["first"] for row in scolded), default=None),
        cited=frozenset(row["provision"] for row in scolded if row["provision"]),
    )
