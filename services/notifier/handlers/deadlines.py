"""Time runs out: for points that have not answered, and for duties that have not been met."""

from datetime import datetime

from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, Duty, tick
from services.notifier.domain.facts import WentOverdue
from services.notifier.handlers.clocks import told
from services.notifier.handlers.standing import settled
from services.notifier.handlers.unit import Unit
from services.notifier.store import clocks, directives, enforcements


async def run_out(unit: Unit, *, limit: int) -> bool:
    """Records what ran out by now, each once; at most `limit` of either kind. Answers whether there may be more."""
    overdue = await enforcements.run_out(unit.connection, unit.now, limit)
    unit.found.extend(map(WentOverdue, overdue))
    looked_at = await _look(unit, limit)
    return max(len(overdue), looked_at) == limit


async def next_due(unit: Unit) -> datetime | None:
    """When something runs out next."""
    instants = [await enforcements.next_due(unit.connection), await clocks.next_due(unit.connection)]
    return min((instant for instant in instants if instant is not None), default=None)


async def _look(unit: Unit, limit: int) -> int:
    """Records what time has made of the clocks that are due for a look, all in the same few statements. Answers how many."""
    due = await clocks.due(unit.connection, unit.now, limit)
    if not due:
        return 0
    known = await directives.several(unit.connection, {id_ for id_, _ in due})
    missing = [id_ for id_, _ in due if id_ not in known]
    if missing:
        raise LookupError(f"a clock runs for {missing[0]}, of which nothing is known")
    instants = await settled(unit, [known[id_] for id_, clock in due if clock.duty is Duty.RESTRICT])
    await clocks.save(unit.connection, [(id_, _looked(unit, known[id_], clock, instants.get(id_))) for id_, clock in due])
    return len(due)


def _looked(unit: Unit, directive: Directive, clock: Clock, settled_at: datetime | None) -> Clock:
    after = tick(clock, now=unit.now, settled_at=settled_at if clock.duty is Duty.RESTRICT else None)
    unit.found.extend(told(directive, clock, after))
    return after
