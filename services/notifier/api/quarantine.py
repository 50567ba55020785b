"""Records that could not be understood, for whoever has to find out why."""

from fastapi import APIRouter

from services.notifier.api import present
from services.notifier.api.context import Context
from services.notifier.schemas import Page, QuarantinedOut
from services.notifier.store import quarantine
from shared.http.pages import decode_cursor, page
from shared.http.query import Cursor, Limit

router = APIRouter(prefix="/v1/quarantine", tags=["quarantine"])


@router.get("")
async def list_quarantined(context: Context, limit: Limit = 100, cursor: Cursor = None) -> Page[QuarantinedOut]:
    """Each with its bytes and the reason, in the order in which they were set aside."""
    (after,) = decode_cursor(cursor, [0])
    found = await context.ask(lambda unit: quarantine.page(unit.connection, after=after, limit=limit + 1))
    return Page(**page(found, limit, lambda record: [record.id], present.quarantined))
