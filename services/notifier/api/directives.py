"""How a directive is complied with."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from services.notifier.api import present
from services.notifier.api.context import AsOf, Context
from services.notifier.api.seal import hide_sealed
from services.notifier.handlers.standing import report_on
from services.notifier.schemas import ComplianceOut
from shared.http.query import not_future
from shared.ids import DirectiveId

router = APIRouter(prefix="/v1/directives", tags=["directives"], dependencies=[Depends(hide_sealed)])


@router.get("/{directive_id}/compliance")
async def show_compliance(
    directive_id: Annotated[str, Path(max_length=64)], context: Context, as_of: AsOf = None
) -> ComplianceOut:
    """What was specified, decided, enforced and answered, which clocks run, and what exposure follows; now, or `as_of` then."""
    return present.compliance(
        await context.ask(lambda unit: report_on(unit, DirectiveId(directive_id), as_of=not_future(as_of, unit.now)))
    )
