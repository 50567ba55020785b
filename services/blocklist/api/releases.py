"""Releases: the platform ends claims while the directive stands."""

from fastapi import APIRouter, Response

from services.blocklist.api import intake, present
from services.blocklist.api.context import Context, Idempotent, answer, carry_out, reply
from services.blocklist.api.seal import SeesSealed, require_visible
from services.blocklist.handlers.release import release
from services.blocklist.handlers.unit import Unit
from services.blocklist.schemas import ReleaseIn
from services.blocklist.store.idempotency import Answer

router = APIRouter(prefix="/v1/releases", tags=["releases"])


@router.post("", response_model=None)
async def create_release(body: ReleaseIn, context: Context, sees_sealed: SeesSealed, attempt: Idempotent) -> Response:
    """Ends one directive's claims, or every claim on the targets named. A unilateral release needs a memo and two approvers."""
    command = intake.admit_release(body, context.platform)
    if command.directive:
        await require_visible(context, command.directive, sees_sealed=sees_sealed)

    async def work(unit: Unit) -> Answer:
        return answer(200, {**present.effects(await release(unit, command)), "batch": unit.batch.name})

    return reply(await carry_out(context, attempt, body, work))
