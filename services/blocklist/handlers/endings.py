"""What ends a directive, or some of its items, finally: the authority rescinds, a court quashes, the order's time runs out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.blocklist.domain import item as rules
from services.blocklist.domain.batch import BatchKind
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import Directive, DirectiveFact, NoTransition, step
from services.blocklist.domain.item import Item, ItemState
from services.blocklist.domain.selection import Selection
from services.blocklist.domain.withholding import Terms
from services.blocklist.handlers.acting import act_on
from services.blocklist.handlers.unit import Effects, Unit, effects, lock_directive, record, stepped
from shared.events import CaseEvent, DirectiveExpired, DirectiveQuashed, DirectiveRescinded
from shared.ids import DirectiveId


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What an authority or a court does to items of a directive. `court` is who, if it was one."""

    directive: DirectiveId
    selection: Selection
    memo: str | None = None
    court: str | None = None

    @property
    def detail(self) -> dict[str, str] | None:
        found = {name: value for name, value in (("memo", self.memo), ("court", self.court)) if value}
        return found or None


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end finally: what becomes of a directive with its last open item, why its claims ended, how it is told."""

    fact: DirectiveFact
    cause: Cause
    event: type[CaseEvent]


_RESCISSION = Ending(DirectiveFact.RESCIND, Cause.RESCINDED, DirectiveRescinded)
_QUASHING = Ending(DirectiveFact.QUASH, Cause.QUASHED, DirectiveQuashed)
_EXPIRY = Ending(DirectiveFact.EXPIRE, Cause.EXPIRED, DirectiveExpired)


async def rescind(unit: Unit, act: Act) -> Effects:
    """The authority ends the named items, finally. The directive is rescinded with its last open item."""
    return await _end(unit, await lock_directive(unit, act.directive), act, _RESCISSION)


async def quash(unit: Unit, act: Act) -> Effects:
    """A court ends the named items, finally. The directive is quashed with its last open item."""
    return await _end(unit, await lock_directive(unit, act.directive), act, _QUASHING)


async def expire(unit: Unit, id_: DirectiveId) -> Effects | None:
    """Ends a directive whose time has come. None if it has not, or if something else ended it before."""
    directive = await lock_directive(unit, id_)
    status = step(directive.status, DirectiveFact.EXPIRE)
    if isinstance(status, NoTransition) or directive.expires_at is None or directive.expires_at > unit.now:
        return None
    return await _end(unit, directive, Act(directive=id_, selection="all"), _EXPIRY)


def closing(directive: Directive, fact: DirectiveFact) -> Directive:
    """The directive once items of it have ended: closed by the fact, or as it was while others are open."""
    return stepped(directive, DirectiveFact.END_SOME if directive.tally.open else fact)


def ended(after: Sequence[Item]) -> Mapping[str, int]:
    """What an event says of items that have ended."""
    states = Counter(item.state for item in after)
    return {"released": states[ItemState.ENDED], "withdrawn": states[ItemState.WITHDRAWN]}


async def _end(unit: Unit, directive: Directive, act: Act, by: Ending) -> Effects:
    unit.batch.begin(BatchKind.ACT, memo=act.memo)
    stepped(directive, by.fact)
    terms = Terms(at=unit.now, cause=by.cause, due_at=None, label="")
    acted = await act_on(unit, directive, act.selection, lambda item: rules.end(item, by.cause), terms)
    after = closing(acted.directive, by.fact)
    await record(unit, after, by.event, ended(acted.after), changed_items=acted.after, detail=act.detail)
    return effects(acted.changed, acted.settled)
