"""Interim directives: confirmed by a committee or court, as a whole or for some targets, or lapsed when the time for it is up."""

from dataclasses import replace

from services.blocklist.domain import item as rules
from services.blocklist.domain.batch import BatchKind
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import Directive, DirectiveFact, NoTransition, step
from services.blocklist.domain.withholding import Terms
from services.blocklist.handlers.acting import act_on
from services.blocklist.handlers.endings import Act, closing, ended
from services.blocklist.handlers.unit import Effects, Unit, effects, in_time, lock_directive, record, stepped
from services.blocklist.store import directives, items
from shared.events import DirectiveConfirmed, DirectiveLapsed
from shared.http.problems import Kind, Refusal
from shared.ids import DirectiveId


async def confirm(unit: Unit, act: Act) -> Directive:
    """What is confirmed stands for good, what is not lapses when the time is up; "all" confirms the directive as a whole."""
    unit.batch.begin(BatchKind.ACT, memo=act.memo)
    directive = stepped(await lock_directive(unit, act.directive), DirectiveFact.CONFIRM)
    _confirmable(directive)
    in_time(directive, unit.now)
    some = not isinstance(act.selection, str)
    if some:
        terms = Terms(at=unit.now, cause=None, due_at=None, label="")
        directive = (await act_on(unit, directive, act.selection, rules.confirm, terms)).directive
    waiting = some and await items.has_unconfirmed(unit.connection, directive.id)
    confirmed = replace(directive, confirmed_at=unit.now, lapses_at=directive.lapses_at if waiting else None)
    return await record(unit, confirmed, DirectiveConfirmed, {"confirmed_at": unit.now}, detail=_detail(act))


async def lapse(unit: Unit, id_: DirectiveId) -> Effects | None:
    """Ends what was not confirmed of a directive whose time for it is up. None if it is not, or if something ended it before."""
    directive = await lock_directive(unit, id_)
    status = step(directive.status, DirectiveFact.LAPSE)
    if isinstance(status, NoTransition) or directive.lapses_at is None or directive.lapses_at > unit.now:
        return None
    terms = Terms(at=unit.now, cause=Cause.INTERIM_LAPSED, due_at=None, label="")
    acted = await act_on(unit, replace(directive, lapses_at=None), "all", rules.lapse, terms)
    if not acted.changed:
        await directives.save(unit.connection, acted.directive)
    else:
        after = closing(acted.directive, DirectiveFact.LAPSE)
        await record(unit, after, DirectiveLapsed, ended(acted.after), changed_items=acted.after)
    return effects(acted.changed, acted.settled)


def _confirmable(directive: Directive) -> None:
    if not directive.interim:
        raise Refusal(Kind.CONFLICT, f"{directive.legal_basis} makes no interim directives: there is nothing to confirm")
    if directive.confirmed_at and directive.lapses_at is None:
        raise Refusal(Kind.CONFLICT, "the directive has been confirmed already")


def _detail(act: Act) -> dict[str, object] | None:
    named = {} if isinstance(act.selection, str) else {"targets": list(act.selection)}
    return {**(act.detail or {}), **named} or None
