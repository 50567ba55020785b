"""What ends a directive, or some of its items, finally: the authority rescinds, or the order's own time runs out."""

from dataclasses import dataclass, replace

from services.blocklist import errors
from services.blocklist.domain import item as rules
from services.blocklist.domain.batch import BatchKind
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import Directive, DirectiveFact, NoTransition, step
from services.blocklist.domain.selection import Batch, Impossible, Selection, apply_to_all
from services.blocklist.domain.withholding import Settled, Terms
from services.blocklist.handlers.unit import (
    Effects,
    Unit,
    effects,
    lock_directive,
    record,
    save_items,
    selected_items,
    settle_claims,
    stepped,
)
from shared.events import CaseEvent, DirectiveExpired, DirectiveRescinded
from shared.ids import DirectiveId


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescind:
    directive: DirectiveId
    selection: Selection
    memo: str | None


async def rescind(unit: Unit, command: Rescind) -> Effects:
    """Ends the named items, finally. The directive is rescinded with its last open item."""
    unit.batch.begin(BatchKind.ACT, memo=command.memo)
    directive = await lock_directive(unit, command.directive)
    stepped(directive, DirectiveFact.RESCIND)
    batch, settled = await _end(unit, directive, command.selection, Cause.RESCINDED)
    after = replace(directive, tally=directive.tally.moved((changed.before, changed.after) for changed in batch.changed))
    after = stepped(after, DirectiveFact.END_SOME if after.tally.open else DirectiveFact.RESCIND)
    detail = {"memo": command.memo} if command.memo else None
    await _record(unit, after, DirectiveRescinded, batch, detail)
    return effects(batch.changed, settled)


async def expire(unit: Unit, id_: DirectiveId) -> Effects | None:
    """Ends a directive whose time has come. None if it has not, or if something else ended it before."""
    directive = await lock_directive(unit, id_)
    status = step(directive.status, DirectiveFact.EXPIRE)
    if isinstance(status, NoTransition) or directive.expires_at is None or directive.expires_at > unit.now:
        return None
    batch, settled = await _end(unit, directive, "all", Cause.EXPIRED)
    tally = directive.tally.moved((changed.before, changed.after) for changed in batch.changed)
    await _record(unit, replace(directive, status=status, tally=tally), DirectiveExpired, batch, None)
    return effects(batch.changed, settled)


async def _end(unit: Unit, directive: Directive, selection: Selection, cause: Cause) -> tuple[Batch, list[Settled]]:
    found = await selected_items(unit, directive, selection)
    batch = apply_to_all(found, lambda item: rules.end(item, cause), named=not isinstance(selection, str))
    if isinstance(batch, Impossible):
        raise errors.impossible(batch, selection)
    await save_items(unit, directive, batch.changed)
    terms = Terms(at=unit.now, cause=cause, due_at=None, label="")
    return batch, await settle_claims(unit, ((directive.id, changed) for changed in batch.changed), terms)


async def _record(unit: Unit, directive: Directive, event: type[CaseEvent], batch: Batch, detail: dict[str, str] | None) -> None:
    after = [changed.after for changed in batch.changed]
    released = sum(item.cause is not None for item in after)
    happened = {"released": released, "withdrawn": len(after) - released}
    await record(unit, directive, event, happened, changed_items=after, detail=detail)
