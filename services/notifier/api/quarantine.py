"""Records that could not be understood: for whoever has to find out why, and to decide what becomes of them."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from services.notifier import errors
from services.notifier.api import present
from services.notifier.api.context import Context
from services.notifier.api.seal import SeesSealed
from services.notifier.consumer.operator import Operator
from services.notifier.domain.quarantine import RecordState, Verb, four_eyes, is_open
from services.notifier.handlers.quarantine import Act, shown
from services.notifier.schemas import Page, QuarantineActIn, QuarantinedOut, SkipIn
from services.notifier.store import quarantine
from shared.http.pages import decode_cursor, page
from shared.http.query import Cursor, Limit

router = APIRouter(prefix="/v1/quarantine", tags=["quarantine"])

IdPath = Annotated[int, Path(ge=1, le=2**53)]


class Which(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    ALL = "all"


_STATES = {
    Which.OPEN: [state for state in RecordState if is_open(state)],
    Which.CLOSED: [state for state in RecordState if not is_open(state)],
    Which.ALL: list(RecordState),
}


def _operator(request: Request) -> Operator:
    operator: Operator = request.app.state.operator
    return operator


def _may_act(sees_sealed: SeesSealed) -> None:
    """While the platform has a key, whoever does not send it changes nothing here."""
    if not sees_sealed:
        raise errors.key_needed()


Acting = Annotated[Operator, Depends(_operator)]
MAY_ACT = [Depends(_may_act)]


@router.get("")
async def list_quarantined(
    context: Context, state: Which = Which.ALL, limit: Limit = 100, cursor: Cursor = None
) -> Page[QuarantinedOut]:
    """Each with its bytes and the reason, in the order in which they were set aside."""
    (after,) = decode_cursor(cursor, [0])
    states = _STATES[state]
    found = await context.ask(lambda unit: quarantine.page(unit.connection, after=after, limit=limit + 1, states=states))
    return Page(**page(found, limit, lambda each: [each.record.id], present.quarantined))


@router.get("/{record_id}")
async def show_quarantined(record_id: IdPath, context: Context) -> QuarantinedOut:
    """The record, with all that was done about it."""
    return present.quarantined(await context.ask(lambda unit: shown(unit, record_id)))


@router.post("/{record_id}/retry", dependencies=MAY_ACT)
async def retry(record_id: IdPath, body: QuarantineActIn, operator: Acting) -> QuarantinedOut:
    """Reads the record again, for instance after an upgrade. What is still not understood stays open, and the answer says why."""
    return present.quarantined(await operator.retry(record_id, Act(verb=Verb.RETRY, actors=(body.by,), memo=body.memo)))


@router.post("/{record_id}/replace", dependencies=MAY_ACT)
async def replace(record_id: IdPath, body: QuarantineActIn, operator: Acting) -> QuarantinedOut:
    """Takes what the blocklist has of the key or directive instead, whatever is stored of it."""
    return present.quarantined(await operator.replace(record_id, Act(verb=Verb.REPLACE, actors=(body.by,), memo=body.memo)))


@router.post("/{record_id}/skip", dependencies=MAY_ACT)
async def skip(record_id: IdPath, body: SkipIn, operator: Acting) -> QuarantinedOut:
    """Does without the record: what is stored stands. Takes two different people."""
    if not four_eyes(tuple(body.approvers)):
        raise errors.four_eyes_needed()
    return present.quarantined(await operator.skip(record_id, Act(verb=Verb.SKIP, actors=tuple(body.approvers), memo=body.memo)))
