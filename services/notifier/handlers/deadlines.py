"""Time runs out: for points that have not answered, and for duties that have not been met."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, Duty, tick
from services.notifier.domain.facts import WentOverdue
from services.notifier.handlers.clocks import told
from services.notifier.handlers.standing import settled
from services.notifier.handlers.unit import Unit
from services.notifier.store import clocks, directives, enforcements
from services.notifier.store.releases import released_at
from shared.ids import DirectiveId


async def run_out(unit: Unit, *, limit: int) -> bool:
    """Records the answers that are overdue by now, and what became of the clocks that no items meet: each once, at most `limit`
    of either kind. Answers whether there may be more."""
    overdue = await enforcements.run_out(unit.connection, unit.now, limit)
    unit.found.extend(map(WentOverdue, overdue))
    looked_at = await _look(unit, limit, judged=False)
    return max(len(overdue), looked_at) == limit


async def look_at_items(unit: Unit, *, limit: int) -> bool:
    """The same of the clocks that items meet. It counts all of these, so nothing that is quicker should wait for it."""
    return await _look(unit, limit, judged=True) == limit


async def next_due(unit: Unit) -> datetime | None:
    """When something runs out next."""
    instants = [await enforcements.next_due(unit.connection), await clocks.next_due(unit.connection)]
    return min((instant for instant in instants if instant is not None), default=None)


async def _look(unit: Unit, limit: int, *, judged: bool) -> int:
    """Records what time has made of the clocks that are due for a look, all in the same few statements. Answers how many."""
    due = await clocks.due(unit.connection, unit.now, limit, judged=judged)
    if not due:
        return 0
    known = await directives.several(unit.connection, {id_ for id_, _ in due})
    missing = [id_ for id_, _ in due if id_ not in known]
    if missing:
        raise LookupError(f"a clock runs for {missing[0]}, of which nothing is known")
    instants = await _instants(unit, known, due) if judged else {}
    looked = [(id_, clock, _looked(unit, known[id_], clock, instants)) for id_, clock in due]
    await clocks.save(unit.connection, [(id_, after) for id_, before, after in looked if after != before], unit.now)
    await clocks.requeue(unit.connection, [(id_, after) for id_, before, after in looked if after == before])
    return len(due)


async def _instants(
    unit: Unit, known: Mapping[DirectiveId, Directive], due: Sequence[tuple[DirectiveId, Clock]]
) -> dict[tuple[DirectiveId, Duty], datetime | None]:
    """When the items of the directives met their clocks, if they did."""
    settled_at = await settled(unit, [known[id_] for id_, clock in due if clock.duty is Duty.RESTRICT])
    since = {id_: clock.starts_at for id_, clock in due if clock.duty is Duty.RELEASE}
    everywhere_at = await released_at(unit.connection, since, {id_: known[id_].counts.complied for id_ in since})
    return {(id_, Duty.RESTRICT): at for id_, at in settled_at.items()} | {
        (id_, Duty.RELEASE): at for id_, at in everywhere_at.items()
    }


def _looked(
    unit: Unit, directive: Directive, clock: Clock, instants: Mapping[tuple[DirectiveId, Duty], datetime | None]
) -> Clock:
    after = tick(clock, now=unit.now, settled_at=instants.get((directive.id, clock.duty)))
    unit.found.extend(told(directive, clock, after))
    return after
