"""Directives: submitted, decided, read."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from services.blocklist.api import intake, present
from services.blocklist.api.context import Context, Idempotent, Services, answer, carry_out, directive_document, reply
from services.blocklist.api.seal import SeesSealed, require_named_visible
from services.blocklist.domain.directive import INFORMAL, DirectiveStatus, NewDirective
from services.blocklist.domain.item import Decision
from services.blocklist.errors import unknown_directive
from services.blocklist.handlers.decide import decide
from services.blocklist.handlers.submit import submit
from services.blocklist.handlers.unit import Unit
from services.blocklist.schemas import DecisionIn, DirectiveIn
from services.blocklist.store import cases, directives, items
from services.blocklist.store.idempotency import Answer
from shared.http.pages import decode_cursor, page
from shared.http.problems import invalid
from shared.http.query import Cursor, InJurisdiction, Limit
from shared.ids import DirectiveId

router = APIRouter(prefix="/v1/directives", tags=["directives"])

Id = Annotated[str | None, Query(max_length=64, pattern="^[A-Za-z0-9_.-]+$")]
Decided = Literal["undecided", "complied", "refused", "not_located", "released", "withdrawn"]


@router.post("", status_code=201, response_model=None)
async def submit_directive(body: DirectiveIn, context: Context, sees_sealed: SeesSealed, attempt: Idempotent) -> Response:
    """Accepts an order of up to 10,000 targets. Stored before the answer leaves."""
    order = intake.admit(body, registry=context.registry, platform=context.platform, now=context.clock())
    for pointer, named in (("/supersedes", order.supersedes), ("/supplements", order.supplements)):
        await require_named_visible(context, named, pointer, authority=order.authority, sees_sealed=sees_sealed)

    too_much = await context.bound.refusal(targets=len(order.targets)) if order.kind == "block" else None

    async def work(unit: Unit) -> Answer:
        if too_much:
            raise too_much()
        intake.refuse_expired(order, unit.now)
        if order.supplements and not await directives.exists(unit.connection, order.supplements, authority=order.authority):
            raise invalid(f"{order.authority} has issued no directive {order.supplements!r}", "/supplements")
        submitted = await submit(unit, order)
        document = {
            **await directive_document(unit, order.id),
            "targets": list(order.targets),
            "withholdings_changed": submitted.withholdings_changed,
            "batch": unit.batch.name,
        }
        return answer(201, document, location=f"/v1/directives/{order.id}")

    found = await carry_out(context, attempt, body, work)
    if found.fresh:
        _count(context, order)
    return reply(found)


@router.get("")
async def list_directives(
    context: Context,
    sees_sealed: SeesSealed,
    authority: Id = None,
    jurisdiction: InJurisdiction = None,
    legal_basis: Id = None,
    status: DirectiveStatus | None = None,
    decision: Decided | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Directives in the order of their arrival."""
    asked = {
        "authority": authority,
        "jurisdiction": jurisdiction,
        "legal_basis": legal_basis,
        "status": status,
        "decision": decision,
    }
    filters: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    if not sees_sealed:
        filters["sealed"] = False
    (after,) = decode_cursor(cursor, [0])
    rows = await context.database.read(lambda connection: directives.page(connection, filters, after=after, limit=limit + 1))
    return page(rows, limit, lambda row: [row["seq"]], present.directive)


@router.get("/{directive_id}")
async def show_directive(directive_id: str, context: Context) -> dict[str, Any]:
    """One directive with its counts, notices and replies."""
    row = await context.database.read(lambda connection: directives.details(connection, DirectiveId(directive_id)))
    if row is None:
        raise unknown_directive(directive_id)
    notices, replies = await context.database.read(lambda connection: cases.correspondence(connection, row["id"]))
    return {
        **present.directive(row),
        "notices": [present.notice(found) for found in notices],
        "replies": [present.reply(found) for found in replies],
    }


@router.get("/{directive_id}/items")
async def list_items(
    directive_id: str, context: Context, decision: Decided | None = None, limit: Limit = 100, cursor: Cursor = None
) -> dict[str, Any]:
    """The directive's items, with what was received for each, what was decided and where it is applied."""
    await _require(context, directive_id)
    (after,) = decode_cursor(cursor, [""])
    rows = await context.database.read(
        lambda connection: items.page(connection, DirectiveId(directive_id), decision=decision, after=after, limit=limit + 1)
    )
    return page(rows, limit, lambda row: [row["target"]], present.item)


@router.get("/{directive_id}/timeline")
async def show_timeline(directive_id: str, context: Context, limit: Limit = 100, cursor: Cursor = None) -> dict[str, Any]:
    """Everything that happened to the directive, each entry exactly as it was published."""
    await _require(context, directive_id)
    (after,) = decode_cursor(cursor, [0])
    rows = await context.database.read(
        lambda connection: cases.timeline(connection, DirectiveId(directive_id), after=after, limit=limit + 1)
    )
    return page(rows, limit, lambda row: [row["revision"]], present.timeline_entry)


@router.post("/{directive_id}/decisions", response_model=None)
async def decide_items(directive_id: str, body: DecisionIn, context: Context, attempt: Idempotent) -> Response:
    """Complies with, refuses, or marks as not located: chosen items, all undecided, or all that are eligible."""
    command = intake.admit_decision(DirectiveId(directive_id), body, context.platform)

    too_much = await context.bound.refusal(targets=0) if command.decision is Decision.COMPLY else None

    async def work(unit: Unit) -> Answer:
        if too_much:
            raise too_much()
        named = None if isinstance(command.selection, str) else command.selection
        return answer(200, {**present.decided(await decide(unit, command), named), "batch": unit.batch.name})

    return reply(await carry_out(context, attempt, body, work))


async def _require(context: Services, directive_id: str) -> None:
    row = await context.database.read(lambda connection: directives.details(connection, DirectiveId(directive_id)))
    if row is None:
        raise unknown_directive(directive_id)


def _count(context: Services, order: NewDirective) -> None:
    for place in order.scope:
        context.metrics.directives_received.labels(place, order.legal_basis, order.kind).inc()
        if order.channel == INFORMAL:
            context.metrics.informal_requests.labels(place, order.legal_basis).inc()
