"""A directive as a document for others: a Lumen notice, or statements of reasons for the DSA Transparency Database."""

from collections import Counter
from typing import Annotated, Any, assert_never

import pycountry
from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.api.context import Context, Services
from services.blocklist.domain.directive import DirectiveStatus
from services.blocklist.domain.item import ItemState
from services.blocklist.domain.tally import Tally
from services.blocklist.errors import unknown_directive
from services.blocklist.exports.dsa import MAX_STATEMENTS
from services.blocklist.exports.lumen import MAX_URLS, lumen_notice, lumen_obstacle, lumen_state
from services.blocklist.exports.order import Inexpressible, Order
from services.blocklist.exports.redaction import Redaction
from services.blocklist.exports.statements import LeftOut, dsa_obstacle, statement_of
from services.blocklist.store import directives, items
from services.blocklist.store.rows import Row
from shared.http.pages import decode_cursor, encode_cursor, page
from shared.http.problems import Kind, Refusal
from shared.http.query import Cursor
from shared.ids import DirectiveId, Jurisdiction, Target
from shared.logs import get_logger
from shared.registry import Element, Registry

log = get_logger(__name__)

router = APIRouter(prefix="/v1/directives/{directive_id}/exports", tags=["exports"])

Permission = Annotated[str | None, Query(min_length=1, max_length=200)]
"""What permits to publish a directive that is confidential, in the caller's words."""

_OFFICERS = (Element.ISSUING_OFFICER, Element.CONTACT, Element.FEEDBACK_CONTACT, Element.SIGNATURE)


@router.get("/lumen")
async def export_lumen(
    directive_id: str,
    context: Context,
    redact: Redaction = Redaction.PEOPLE,
    permission: Permission = None,
    limit: Annotated[int, Query(ge=1, le=MAX_URLS)] = MAX_URLS,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """The directive as a notice for `POST /notices` of Lumen, without a token. One of many targets takes several notices."""
    order = await _order(context, directive_id)
    _check(lumen_obstacle(order, permission), order, permission)
    (after,) = decode_cursor(cursor, [""])
    rows = await context.database.read(
        lambda connection: items.page(connection, order.id, decision=None, after=after, limit=limit + 1)
    )
    shown = page(rows, limit, lambda row: [row["target"]], lambda row: Target(row["target"]))
    notice = lumen_notice(order, shown["items"], context.addresses, context.platform_name, redaction=redact, first=cursor is None)
    return {"notice": notice, "state": lumen_state(order.status), "next": shown["next"]}


@router.get("/dsa")
async def export_dsa(
    directive_id: str,
    context: Context,
    permission: Permission = None,
    limit: Annotated[int, Query(ge=1, le=MAX_STATEMENTS)] = MAX_STATEMENTS,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Decisions to comply, as a body for `POST /api/v1/statements`; `left_out` counts the items of this page that are none."""
    order = await _order(context, directive_id)
    _check(dsa_obstacle(order, permission), order, permission)
    (after,) = decode_cursor(cursor, [""])
    return await context.database.read(lambda connection: _statements(connection, order, after, limit))


async def _statements(connection: AsyncConnection, order: Order, after: str, limit: int) -> dict[str, Any]:
    """Walks the items in the order of targets until the page is full, so that every item is in one page's figures."""
    statements: list[dict[str, Any]] = []
    left_out: Counter[str] = Counter()
    position, more = after, True
    while more and len(statements) < limit:
        wanted = limit - len(statements)
        found = await items.complied(connection, order.id, after=position, limit=wanted + 1)
        more = len(found) > wanted
        for item, decided_at in found[:wanted]:
            position = item.target
            made = statement_of(order, item, decided_at)
            match made:
                case LeftOut():
                    left_out[made.reason] += 1
                case dict():
                    statements.append(made)
                case _:
                    assert_never(made)
    others = await items.count_others(connection, order.id, after=after, until=position if more else None)
    for state, count in others.items():
        left_out[ItemState(state).word] += count
    return {"statements": statements, "left_out": dict(left_out), "next": encode_cursor([position]) if more else None}


async def _order(context: Services, directive_id: str) -> Order:
    row = await context.database.read(lambda connection: directives.details(connection, DirectiveId(directive_id)))
    if row is None:
        raise unknown_directive(directive_id)
    return order_of(row, context.registry)


def order_of(row: Row, registry: Registry) -> Order:
    """The directive with its law. Raises Refusal if the registry has lost what the directive was judged by."""
    authority = registry.authorities.get(row["authority"])
    basis = registry.basis(row["legal_basis"], row["issued_at"])
    if authority is None or basis is None:
        raise Refusal(Kind.CONFLICT, f"the registry has no {row['authority']} or no {row['legal_basis']} for this directive")
    elements = row["elements"] or {}
    return Order(
        id=row["id"],
        authority=authority,
        basis=basis,
        reference=row["reference"],
        kind=row["kind"],
        channel=row["channel"],
        sealed=row["sealed"],
        status=DirectiveStatus(row["status"]),
        issued_at=row["issued_at"],
        received_at=row["received_at"],
        expires_at=row["expires_at"],
        scope=tuple(map(Jurisdiction, row["scope"])),
        reason=row["reason"],
        language=_language(elements.get(Element.LANGUAGE)),
        officers=tuple(elements[name] for name in _OFFICERS if name in elements),
        tally=Tally(row["tally"]),
    )


def _language(declared: str | None) -> str | None:
    """The ISO 639-1 code, of an order that declares its language by its code or its English name."""
    found = pycountry.languages.get(alpha_2=declared.lower()) if declared and len(declared) == len("en") else None
    found = found or (pycountry.languages.get(name=declared.title()) if declared else None)
    return getattr(found, "alpha_2", None)


def _check(obstacle: Inexpressible | None, order: Order, permission: str | None) -> None:
    if obstacle:
        raise Refusal(Kind.CONFLICT, obstacle.why, extra={"reason": obstacle.reason.value})
    if order.basis.confidential and permission:
        log.info("confidential_directive_exported", directive=order.id)
