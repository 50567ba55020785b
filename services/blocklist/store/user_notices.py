"""Tasks to tell users: derived from items when asked, joined with what was handled.

Promises: a task is there exactly if an item's claims came to count or ceased to and nobody was told since; no command writes one.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, insert, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.directive import ENDED
from services.blocklist.domain.user_notice import NoticeState, Rule, begin
from services.blocklist.store.rows import Row, fetch_all, fetch_first
from services.blocklist.tables import directives, item_history, items, user_notices
from shared.ids import DirectiveId, Target

_COUNTS = '%"live"%'
"""What the text of claims holds where one of them counts; neither a place nor a cause contains it."""

_last_handled = (
    select(func.max(user_notices.c.version))
    .where(user_notices.c.directive == items.c.directive, user_notices.c.target == items.c.target)
    .correlate(items)
    .scalar_subquery()
)
_source = items.join(directives, directives.c.id == items.c.directive).outerjoin(
    user_notices,
    and_(
        user_notices.c.directive == items.c.directive,
        user_notices.c.target == items.c.target,
        user_notices.c.version == _last_handled,
    ),
)
_handled = and_(user_notices.c.version.is_not(None), cast(user_notices.c.claims, Text) == cast(items.c.claims, Text))
_counted_once = (
    select(item_history.c.version)
    .where(
        item_history.c.directive == items.c.directive,
        item_history.c.target == items.c.target,
        cast(item_history.c.claims, Text).like(_COUNTS),
    )
    .correlate(items)
    .exists()
)
_is_task = or_(cast(items.c.claims, Text).like(_COUNTS), _counted_once)


def _begun(rule: Rule, *, sealed: bool, ended: bool) -> tuple[ColumnElement[bool], str]:
    is_over = directives.c.status.in_(ENDED) if ended else directives.c.status.not_in(ENDED)
    holds = and_(directives.c.user_notice == rule, directives.c.sealed.is_(sealed), is_over)
    return holds, begin(rule, sealed=sealed, ended=ended).value


_state: ColumnElement[str] = case(
    (_handled, user_notices.c.state),
    *(_begun(rule, sealed=sealed, ended=ended) for rule, sealed, ended in product(Rule, (False, True), (False, True))),
)

_columns: tuple[ColumnElement[Any], ...] = (
    directives.c.seq,
    items.c.directive,
    items.c.target,
    items.c.version,
    items.c.claims,
    items.c.changed_at,
    _state.label("notice_state"),
    *(case((_handled, user_notices.c[name])).label(name) for name in ("at", "channel", "memo")),
)


async def page(
    connection: AsyncConnection,
    *,
    directive: str | None,
    target: Target | None,
    state: NoticeState | None,
    sealed_too: bool,
    after: Sequence[Any],
    limit: int,
) -> list[Row]:
    """Tasks in the order of arrival of their directives, and of their targets."""
    seq, last = after
    statement = _tasks().where(or_(directives.c.seq > seq, and_(directives.c.seq == seq, items.c.target > last)))
    if not sealed_too:
        statement = statement.where(directives.c.sealed.is_(False))
    wanted = ((items.c.directive, directive), (items.c.target, target), (_state, state))
    for column, value in wanted:
        if value is not None:
            statement = statement.where(column == value)
    return await fetch_all(connection, statement.order_by(directives.c.seq, items.c.target).limit(limit))


async def find(connection: AsyncConnection, directive: DirectiveId, target: Target) -> Row | None:
    """The item's task, as it stands."""
    return await fetch_first(connection, _tasks().where(items.c.directive == directive, items.c.target == target))


async def handle(
    connection: AsyncConnection,
    task: Row,
    state: NoticeState,
    *,
    at: datetime,
    channel: str | None,
    memo: str | None,
    now: datetime,
) -> None:
    """Records that the task was handled. The caller holds the directive's lock."""
    key = {"directive": task["directive"], "target": task["target"]}
    claims = select(items.c.claims).where(items.c.directive == key["directive"], items.c.target == key["target"])
    done = {"state": state, "at": at, "channel": channel, "memo": memo, "recorded_at": now}
    # The claims are copied as they are stored: what is compared later is their text.
    await connection.execute(
        insert(user_notices).values({**key, "version": task["version"], "claims": claims.scalar_subquery(), **done})
    )


async def is_open(connection: AsyncConnection, directive: DirectiveId, near: Target) -> bool:
    """Whether anything is still to be told of the directive. Looks beside `near` first: lists are handled in their order."""
    c = items.c.target
    open_ = select(c).select_from(_source).where(items.c.directive == directive, _is_task, not_(_handled)).limit(1)
    for beside in (open_.where(c > near).order_by(c), open_.where(c <= near).order_by(c.desc())):
        if await fetch_first(connection, beside) is not None:
            return True
    return False


async def last_handled_at(connection: AsyncConnection, directive: DirectiveId) -> datetime | None:
    """When the last of what was told of the directive, or waived, was."""
    last = select(user_notices.c.at).where(user_notices.c.directive == directive).order_by(user_notices.c.at.desc()).limit(1)
    return (await connection.execute(last)).scalar()


def _tasks() -> Select[Any]:
    return select(*_columns).select_from(_source).where(_is_task)
