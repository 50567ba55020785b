"""A court stays a directive, or some of its items, and may take that back.

Promises: a stayed item claims nothing that counts, whatever is decided meanwhile; the end of the stay restores exactly what has
not ended otherwise. A directive is `stayed` once no open item of it is left unstayed, and in force again as soon as one is.
"""

from dataclasses import dataclass

from services.blocklist import errors
from services.blocklist.domain import item as rules
from services.blocklist.domain.batch import BatchKind
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import Directive, DirectiveFact
from services.blocklist.domain.withholding import Terms
from services.blocklist.handlers.acting import act_on
from services.blocklist.handlers.endings import Act
from services.blocklist.handlers.unit import Effects, Unit, effects, in_time, lock_directive, record, stepped, versions_of
from services.blocklist.store import items
from shared.events import DirectiveStayed, DirectiveUnstayed


@dataclass(frozen=True, slots=True)
class Restored:
    """Items that claim again what they claimed before the stay, and versions emitted."""

    restored: int
    withholdings_changed: int


async def stay(unit: Unit, act: Act) -> Effects:
    """Suspends the named items. `released` of the effects are those that claimed something until now."""
    directive = await _lock(unit, act, DirectiveFact.STAY)
    acted = await act_on(
        unit, directive, act.selection, rules.stay, Terms(at=unit.now, cause=Cause.STAYED, due_at=None, label="")
    )
    partly = await items.has_unstayed(unit.connection, directive.id)
    after = stepped(acted.directive, DirectiveFact.STAY_SOME if partly else DirectiveFact.STAY)
    found = effects(acted.changed, acted.settled)
    await record(unit, after, DirectiveStayed, {"suspended": found.released}, changed_items=acted.after, detail=act.detail)
    return found


async def unstay(unit: Unit, act: Act) -> Restored:
    """Takes the stay of the named items back."""
    directive = await _lock(unit, act, DirectiveFact.UNSTAY)
    terms = Terms(at=unit.now, cause=None, due_at=directive.due_at, label=directive.label)
    acted = await act_on(unit, directive, act.selection, rules.unstay, terms)
    after = stepped(acted.directive, DirectiveFact.UNSTAY)
    restored = sum(bool(changed.after.live - changed.before.live) for changed in acted.changed)
    await record(unit, after, DirectiveUnstayed, {"restored": restored}, changed_items=acted.after, detail=act.detail)
    return Restored(restored, len(versions_of(acted.settled)))


async def _lock(unit: Unit, act: Act, fact: DirectiveFact) -> Directive:
    unit.batch.begin(BatchKind.ACT, memo=act.memo)
    directive = await lock_directive(unit, act.directive)
    stepped(directive, fact)
    in_time(directive, unit.now)
    if directive.unblocks:
        raise errors.nothing_to_stay()
    return directive
