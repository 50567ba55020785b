"""The platform's replies, and the document of each."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import HTMLResponse, JSONResponse

from services.notifier.api.context import Context, OnBehalfOf
from services.notifier.api.seal import hide_sealed
from services.notifier.documents import document_of, reply_page
from services.notifier.handlers.dossiers import dossier_of, replies_on
from services.notifier.schemas import Page, ReplyOut
from services.notifier.store.correspondence import Reply
from shared.http.pages import decode_cursor, page
from shared.http.query import Cursor, Limit
from shared.ids import DirectiveId

router = APIRouter(prefix="/v1/directives/{directive_id}/replies", tags=["directives"], dependencies=[Depends(hide_sealed)])

DirectivePath = Annotated[str, Path(max_length=64)]
ReplyPath = Annotated[str, Path(max_length=200)]


class Format(StrEnum):
    JSON = "json"
    HTML = "html"


PRINTABLE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept",
}
"""A page fetches nothing and runs nothing."""


@router.get("")
async def list_replies(
    directive_id: DirectivePath, context: Context, limit: Limit = 100, cursor: Cursor = None
) -> Page[ReplyOut]:
    """In the order in which they were sent."""
    after = decode_cursor(cursor, ["", ""])
    sent = await context.ask(lambda unit: replies_on(unit, DirectiveId(directive_id)))
    found = [reply for reply in sent if _position(reply) > after][: limit + 1]
    return Page(**page(found, limit, _position, _present))


@router.get(
    "/{reply_id}",
    response_class=JSONResponse,
    responses={200: {"content": {"application/json": {"schema": {"type": "object"}}, "text/html": {}}}},
)
async def show_document(
    directive_id: DirectivePath,
    reply_id: ReplyPath,
    context: Context,
    platform: OnBehalfOf,
    format_: Annotated[Format | None, Query(alias="format")] = None,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """The document of the reply, made from the record as it was when the reply was sent; as a page with `Accept: text/html`."""
    dossier = await context.ask(lambda unit: dossier_of(unit, DirectiveId(directive_id), reply_id, platform))
    document = document_of(dossier)
    if format_ is Format.HTML or (format_ is None and "text/html" in accept):
        return HTMLResponse(reply_page(document), headers=PRINTABLE)
    return JSONResponse(document, headers={"Vary": "Accept"})


def _position(reply: Reply) -> list[str]:
    return [_written(reply.sent_at), reply.id]


def _written(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


def _present(reply: Reply) -> ReplyOut:
    return ReplyOut(
        id=reply.id,
        kind=reply.kind,
        sent_at=reply.sent_at,
        cause=reply.cause,
        impediment_ended_at=reply.impediment_ended_at,
        document=f"/v1/directives/{reply.directive}/replies/{reply.id}",
    )
