"""Telling users: what is to be told, in words, and what was done about it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.api import intake, present
from services.blocklist.api.context import Context, Idempotent, Services, answer, carry_out, reply
from services.blocklist.api.queries import Named, OfTarget
from services.blocklist.api.seal import SeesSealed, require_visible
from services.blocklist.domain.user_notice import NoticeFact, NoticeState, TaskId, Told, parse_task_id, task_id, told_of
from services.blocklist.errors import unknown_notice
from services.blocklist.exports.letters import Language, Letter, Names, write
from services.blocklist.handlers import user_notices as handlers
from services.blocklist.handlers.unit import Unit
from services.blocklist.handlers.user_notices import Handle
from services.blocklist.schemas import SentIn, WaiveIn
from services.blocklist.store import directives, user_notices, withholdings
from services.blocklist.store.idempotency import Answer
from services.blocklist.store.items import claims_of
from services.blocklist.store.rows import Row
from shared.http.fields import is_storable
from shared.http.pages import decode_cursor, page
from shared.http.query import Cursor, Limit
from shared.ids import DirectiveId, Target
from shared.jurisdictions import covers
from shared.registry import Element

router = APIRouter(prefix="/v1/user-notices", tags=["user notices"])

IdPath = Annotated[str, Path(max_length=16_384)]


@router.get("")
async def list_notices(
    context: Context,
    sees_sealed: SeesSealed,
    target: OfTarget,
    directive: Named = None,
    state: NoticeState | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """One for each item whose withholding began or ended, and what was done about it."""
    after = decode_cursor(cursor, [0, ""])
    rows = await context.database.read(
        lambda connection: user_notices.page(
            connection,
            directive=directive,
            target=target,
            state=state,
            sealed_too=sees_sealed,
            after=after,
            limit=limit + 1,
        )
    )
    return page(rows, limit, lambda row: [row["seq"], row["target"]], _document)


@router.get("/{notice_id}")
async def show_notice(
    notice_id: IdPath, context: Context, sees_sealed: SeesSealed, language: Language = Language.ENGLISH
) -> dict[str, Any]:
    """The notice with its text in a language. There is no text of what must not be told."""
    task = await _visible(context, notice_id, sees_sealed=sees_sealed)

    async def read(connection: AsyncConnection) -> dict[str, Any]:
        row = handlers.current(await user_notices.find(connection, task.directive, task.target), task)
        if row["notice_state"] == NoticeState.FORBIDDEN:
            return {**_document(row), "language": language, "subject": None, "text": None}
        letter = await _letter(connection, context, task, told_of(claims_of(row["claims"])))
        written = write(letter, context.letters[language])
        return {**_document(row), "language": language, "subject": written.subject, "text": written.text}

    return await context.database.read(read)


@router.post("/{notice_id}/sent", response_model=None)
async def mark_sent(notice_id: IdPath, body: SentIn, context: Context, sees_sealed: SeesSealed, attempt: Idempotent) -> Response:
    """The user was told. A delayed notice needs a memo that says why the delay is over."""
    now = context.clock()
    at = body.at or now
    intake.check_not_future("at", at, now)
    task = await _visible(context, notice_id, sees_sealed=sees_sealed)
    command = Handle(task=task, fact=NoticeFact.SEND, at=at, channel=body.channel, memo=body.memo)

    async def work(unit: Unit) -> Answer:
        return answer(200, _document(await handlers.handle(unit, command)))

    return reply(await carry_out(context, attempt, body, work))


@router.post("/{notice_id}/waive", response_model=None)
async def waive(notice_id: IdPath, body: WaiveIn, context: Context, sees_sealed: SeesSealed, attempt: Idempotent) -> Response:
    """The user will not be told, for a reason."""
    task = await _visible(context, notice_id, sees_sealed=sees_sealed)

    async def work(unit: Unit) -> Answer:
        command = Handle(task=task, fact=NoticeFact.WAIVE, at=unit.now, channel=None, memo=body.memo)
        return answer(200, _document(await handlers.handle(unit, command)))

    return reply(await carry_out(context, attempt, body, work))


async def _visible(context: Services, notice_id: str, *, sees_sealed: bool) -> TaskId:
    task = parse_task_id(notice_id)
    refusal = unknown_notice(notice_id)
    if task is None or not is_storable(f"{task.directive}{task.target}"):
        raise refusal
    await require_visible(context, task.directive, sees_sealed=sees_sealed, refusal=refusal)
    return task


async def _letter(connection: AsyncConnection, context: Services, task: TaskId, told: Told) -> Letter:
    row = await directives.details(connection, task.directive)
    if row is None:
        raise unknown_notice(str(task))
    names = _names(row, context)
    return Letter(
        change=told.change,
        target=task.target,
        places=told.places,
        cause=told.cause,
        label=row["label"],
        names=names,
        redress=(row["elements"] or {}).get(Element.REDRESS) if names else None,
        still_withheld=await _is_withheld(connection, task.target, told),
        platform=context.platform_name,
        contact=context.appeals_contact,
    )


def _names(row: Row, context: Services) -> Names | None:
    """Whom the letter may name: nobody, if the directive is confidential or the registry does not know any more what it is."""
    authority = context.registry.authorities.get(row["authority"])
    basis = context.registry.basis(row["legal_basis"], row["issued_at"])
    if authority is None or basis is None or basis.confidential:
        return None
    return Names(authority.name, f"{basis.instrument}, {basis.section}")


async def _is_withheld(connection: AsyncConnection, target: Target, told: Told) -> bool:
    """Whether anything holds the target where the letter is about."""
    rows = await withholdings.of_target(connection, target)
    held = [row["jurisdiction"] for row in rows if row["state"] == "withheld"]
    return any(covers(place, asked) for place in held for asked in told.places)


def _document(row: Row) -> dict[str, Any]:
    claims = claims_of(row["claims"])
    told = told_of(claims)
    done: datetime | None = row["at"]
    return {
        "id": str(task_id(DirectiveId(row["directive"]), Target(row["target"]), claims)),
        "directive": row["directive"],
        "target": row["target"],
        "change": told.change,
        "jurisdictions": list(told.places),
        "cause": told.cause,
        "state": row["notice_state"],
        "since": present.time(row["changed_at"]),
        "at": present.time(done),
        "channel": row["channel"],
        "memo": row["memo"],
    }
