"""A user was told, or will not be: what was done about a task. Once nothing is open any more, an event says so."""

from dataclasses import dataclass
from datetime import datetime

from services.blocklist import errors
from services.blocklist.domain.directive import Directive, NoTransition
from services.blocklist.domain.user_notice import NoticeFact, NoticeState, TaskId, step, task_id
from services.blocklist.handlers.unit import Unit, lock_directive, record
from services.blocklist.store import user_notices
from services.blocklist.store.items import claims_of
from services.blocklist.store.rows import Row
from shared.events import DirectiveInformed
from shared.http.problems import Kind, Refusal, invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """What was done, when, and how. A delayed notice is sent early only with a memo that says why the delay is over."""

    task: TaskId
    fact: NoticeFact
    at: datetime
    channel: str | None
    memo: str | None


async def handle(unit: Unit, command: Handle) -> Row:
    """Records it, and answers the task as it stands then. Raises Refusal if it was handled, or if nobody may be told."""
    task = command.task
    directive = await lock_directive(unit, task.directive)
    row = current(await user_notices.find(unit.connection, task.directive, task.target), task)
    state = NoticeState(row["notice_state"])
    after = step(state, command.fact)
    if isinstance(after, NoTransition):
        raise Refusal(Kind.CONFLICT, f"the notice: {after}")
    if (state, command.fact) == (NoticeState.DELAYED, NoticeFact.SEND) and not (command.memo or "").strip():
        raise invalid("this notice is delayed: say why the delay is over", "/memo")
    await user_notices.handle(
        unit.connection, row, after, at=command.at, channel=command.channel, memo=command.memo, now=unit.now
    )
    await _inform(unit, directive, command)
    return current(await user_notices.find(unit.connection, task.directive, task.target), task)


async def _inform(unit: Unit, directive: Directive, handled: Handle) -> None:
    """Records that the users have been told, if that was the last of what there was to tell: one event, however many items."""
    if await user_notices.is_open(unit.connection, directive.id, handled.task.target):
        return
    last = await user_notices.last_handled_at(unit.connection, directive.id)
    await record(unit, directive, DirectiveInformed, {"informed_at": last or handled.at})


def current(row: Row | None, task: TaskId) -> Row:
    """The row of the task. Raises Refusal if there is none, or if what had to be told has changed since the task was listed."""
    if row is None:
        raise errors.unknown_notice(str(task))
    if task_id(row["directive"], row["target"], claims_of(row["claims"])) != task:
        raise Refusal(Kind.CONFLICT, "what there was to tell has changed since: list the notices again")
    return row
