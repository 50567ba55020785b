"""Time runs out: for points that have not answered, and for duties that have not been met."""

from datetime import datetime

from services.notifier.domain.clocks import Clock, Duty
from services.notifier.domain.facts import ClockBreached, WentOverdue
from services.notifier.handlers.standing import reports_on
from services.notifier.handlers.unit import Unit
from services.notifier.store import clocks, directives, enforcements
from shared.ids import DirectiveId


async def run_out(unit: Unit, *, limit: int) -> bool:
    """Records what ran out by now, each once; at most `limit` of either kind. Answers whether there may be more."""
    overdue = await enforcements.run_out(unit.connection, unit.now, limit)
    unit.found.extend(map(WentOverdue, overdue))
    ended = await clocks.run_out(unit.connection, unit.now, limit)
    for directive, clock in ended:
        await _settle(unit, directive, clock)
    return max(len(overdue), len(ended)) == limit


async def next_due(unit: Unit) -> datetime | None:
    """When something runs out next."""
    instants = [await enforcements.next_due(unit.connection), await clocks.next_due(unit.connection)]
    return min((instant for instant in instants if instant is not None), default=None)


async def _settle(unit: Unit, id_: DirectiveId, clock: Clock) -> None:
    """Records how a clock ended: met by the items in time, or breached. What happens to them later does not change it."""
    directive = await directives.find(unit.connection, id_)
    if directive is None:
        raise LookupError(f"a clock runs for {id_}, of which nothing is known")
    if clock.duty is Duty.RESTRICT:
        (case,) = await reports_on(unit, [directive])
        settled_at = case.standing.settled_at
        if settled_at is not None and settled_at <= clock.due_at:
            await clocks.meet(unit.connection, id_, [clock.duty], settled_at)
            return
    if await clocks.breach(unit.connection, id_, clock.duty, unit.now):
        unit.found.append(ClockBreached(directive, clock))
