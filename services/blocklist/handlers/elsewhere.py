"""What a directive ends in others of its authority: in those that it supersedes, or, if it unblocks, in those that it lifts.

Supersession, item by item: an item of the old directive ends with the decision on the same target of the new one, whatever that
decision is, in one transaction, so that a target which both claim stays withheld without a new version. Targets that the new one
does not list end when it comes into force. What it has not decided by its own end stays in force under the old one. The old
directive keeps its status until its last open item has ended, and is `superseded` then. A directive that supersedes one which
itself supersedes another takes the place of both.

An unblock, item by item: complying with it ends its authority's claims on the target inside its scope, as rescinded.

Lock order, as everywhere: directives by id, all of them before any key. Would break it: reading an item of another directive
before `reach` or `lock` has locked that directive.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from services.blocklist import errors
from services.blocklist.domain import item as rules
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import Directive, DirectiveFact, NewDirective, NoTransition, step
from services.blocklist.domain.item import Changed, Item, ItemState, NotAllowed, Obstacle, Outcome
from services.blocklist.domain.selection import Impossible, Selection
from services.blocklist.handlers.endings import closing, ended
from services.blocklist.handlers.unit import Unit, record, save_items
from services.blocklist.store import directives, items, withholdings
from shared.db import ConcurrentChange
from shared.events import DirectiveRescinded, DirectiveSuperseded
from shared.ids import DirectiveId, Jurisdiction, Target


@dataclass(frozen=True, slots=True)
class Reach:
    """A directive, and the others in which it may end something; all are locked. The one it supersedes itself is first."""

    directive: Directive
    others: tuple[Directive, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """What was ended in one other directive, which is as it was before. Stored, not yet settled or recorded."""

    directive: Directive
    changes: tuple[Changed, ...]


async def reach(unit: Unit, id_: DirectiveId, selection: Selection) -> Reach:
    """Locks a directive and the others that its items named here may end something in. Raises Refusal if there is none."""
    outline = await directives.outline(unit.connection, id_)
    if outline is None:
        raise errors.unknown_directive(id_)
    others = await _others(unit, id_, outline, selection)
    locked = await directives.locked(unit.connection, [id_, *others])
    directive = locked[id_]
    if not outline.unblocks:
        check_chain(locked, [id_, *others])
    return Reach(directive, standing(locked[other] for other in others if other in locked))


async def lock(unit: Unit, order: NewDirective) -> tuple[Directive, ...]:
    """Locks the others of a directive that is about to be stored."""
    if order.unblocks:
        others = await claimants(unit, order.authority, list(order.targets))
    else:
        others = await directives.predecessors(unit.connection, order.supersedes)
    locked = await directives.locked(unit.connection, others)
    if not order.unblocks:
        check_chain(locked, others)
    return standing(locked[other] for other in others if other in locked)


def check_chain(locked: Mapping[DirectiveId, Directive], chain: Sequence[DirectiveId]) -> None:
    """Raises ConcurrentChange if one of these, each of which supersedes the next, came to supersede another before the lock."""
    for newer, older in zip_longest(chain, chain[1:]):
        if newer in locked and locked[newer].supersedes != older:
            raise ConcurrentChange


def standing(others: Iterable[Directive]) -> tuple[Directive, ...]:
    """Those of the others in which something can still end."""
    return tuple(other for other in others if not isinstance(step(other.status, DirectiveFact.END_SOME), NoTransition))


async def end_at_start(unit: Unit, directive: Directive, others: Sequence[Directive], own: Collection[Item]) -> list[Ended]:
    """What ends because the directive has come into force with these items; all others wait for their decision."""
    if directive.unblocks:
        return await end_with(unit, directive, others, own, directive.scope)
    waiting = {item.target for item in own if item.state is ItemState.UNDECIDED}
    found = []
    for other in others:
        old = await items.select_items(unit.connection, other.id, "all")
        found.append(await _end(unit, other, [item for item in old if item.target not in waiting], _superseded))
    return [each for each in found if each.changes or each.directive.id == directive.supersedes]


async def end_with(
    unit: Unit, directive: Directive, others: Sequence[Directive], decided: Collection[Item], scope: Sequence[Jurisdiction]
) -> list[Ended]:
    """What ends because these items of the directive have been decided; of an unblock, inside `scope`."""
    targets = tuple(item.target for item in decided if not directive.unblocks or item.state is ItemState.COMPLIED)
    act: Callable[[Item], Outcome] = (lambda item: rules.lift(item, scope)) if directive.unblocks else _superseded
    if not targets:
        return []
    found = [await _end(unit, other, await items.select_items(unit.connection, other.id, targets), act) for other in others]
    return [each for each in found if each.changes]


def cause(directive: Directive) -> Cause:
    """Why a withholding ends whose last claim the directive ends elsewhere."""
    return Cause.RESCINDED if directive.unblocks else Cause.SUPERSEDED


def changes_of(found: Sequence[Ended]) -> Iterator[tuple[DirectiveId, Changed]]:
    return ((each.directive.id, changed) for each in found for changed in each.changes)


async def tell(unit: Unit, directive: Directive, found: Sequence[Ended], memo: str | None = None) -> None:
    """Records in each of the others what the directive ended there."""
    detail = {"by": directive.id, **({"memo": memo} if memo else {})}
    for other, changes in ((each.directive, each.changes) for each in found):
        after = [changed.after for changed in changes]
        counted = replace(other, tally=other.tally.moved((changed.before, changed.after) for changed in changes))
        if directive.unblocks:
            closed = closing(counted, DirectiveFact.RESCIND)
            await record(unit, closed, DirectiveRescinded, ended(after), changed_items=after, detail=detail)
        else:
            closed = closing(counted, DirectiveFact.SUPERSEDE)
            happened = {"by": directive.id, **ended(after)}
            await record(unit, closed, DirectiveSuperseded, happened, changed_items=after, detail=detail)


async def claimants(unit: Unit, authority: str, targets: Sequence[Target]) -> list[DirectiveId]:
    """The authority's directives that claim one of the targets somewhere, live or suspended, as of now and without a lock."""
    live = {claimant for held in await withholdings.claimed(unit.connection, targets) for claimant in held.claimants}
    stayed = {directive for directive, _ in await items.suspended(unit.connection, targets)}
    return await directives.of_authority(unit.connection, live | stayed, authority)


async def _others(unit: Unit, id_: DirectiveId, outline: directives.Outline, selection: Selection) -> list[DirectiveId]:
    if not outline.unblocks:
        return await directives.predecessors(unit.connection, outline.supersedes)
    named = await items.select_items(unit.connection, id_, selection)
    return await claimants(unit, outline.authority, [item.target for item in named])


def _superseded(item: Item) -> Outcome:
    return rules.end(item, Cause.SUPERSEDED)


async def _end(unit: Unit, other: Directive, found: Sequence[Item], act: Callable[[Item], Outcome]) -> Ended:
    outcomes = [act(item) for item in found]
    parts = [each for each in outcomes if isinstance(each, NotAllowed) and each.obstacle is Obstacle.PART_OF_WIDER]
    if parts:
        raise errors.impossible(Impossible(tuple(parts)), "all")
    changes = tuple(each for each in outcomes if isinstance(each, Changed))
    await save_items(unit, other, changes)
    return Ended(other, changes)
