"""The platform ends claims that stand: by its own decision, for an error, or after an appeal."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.blocklist import errors
from services.blocklist.domain import item as rules
from services.blocklist.domain.batch import BatchKind
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import Directive, DirectiveFact
from services.blocklist.domain.item import Changed, Item, NotAllowed, Obstacle
from services.blocklist.domain.selection import Impossible, Selection, apply_to_all
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
from services.blocklist.store import directives, items, withholdings
from shared.db import ConcurrentChange
from shared.events import DirectiveReleased
from shared.ids import DirectiveId, Jurisdiction, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """`directive` None ends every claim on the targets named, whoever asked for it. `approvers` are unverified names for now."""

    cause: Cause
    directive: DirectiveId | None
    selection: Selection
    scope: tuple[Jurisdiction, ...]
    memo: str | None
    approvers: tuple[str, ...]
    ground: str | None = None


Ended = Mapping[DirectiveId, Sequence[Changed]]


async def release(unit: Unit, command: Release) -> Effects:
    """Ends all of the claims named or none. Raises Refusal if there is nothing to end on one of the targets."""
    unit.batch.begin(BatchKind.RELEASE, memo=command.memo, approvers=command.approvers)
    if command.directive:
        directive = await lock_directive(unit, command.directive)
        locked = {directive.id: directive}
        ended: Ended = {directive.id: await _of_directive(unit, command, directive)}
    else:
        locked, ended = await _of_all_directives(unit, command)
    settled = await _settle(unit, command, ended)
    if command.directive is None and any(outcome.after.claimants for outcome in settled):
        raise ConcurrentChange  # a directive claimed one of the keys after we had looked for claimants
    for id_ in sorted(ended):
        await _record(unit, command, stepped(locked[id_], DirectiveFact.RELEASE), ended[id_])
    return effects([changed for changes in ended.values() for changed in changes], settled)


async def _of_directive(unit: Unit, command: Release, directive: Directive) -> Sequence[Changed]:
    found = await selected_items(unit, directive, command.selection)
    named = not isinstance(command.selection, str)
    batch = apply_to_all(found, lambda item: rules.release(item, command.scope, command.cause), named=named)
    if isinstance(batch, Impossible):
        raise errors.impossible(batch, command.selection)
    return batch.changed


async def _of_all_directives(unit: Unit, command: Release) -> tuple[dict[DirectiveId, Directive], Ended]:
    targets = _named(command.selection)
    claims: dict[DirectiveId, set[Target]] = defaultdict(set)
    for withholding in await withholdings.claimed(unit.connection, targets):
        for claimant in withholding.claimants:
            claims[claimant].add(withholding.key.target)
    for suspended, target in await items.suspended(unit.connection, targets):
        claims[suspended].add(target)
    locked = await directives.locked(unit.connection, sorted(claims))
    ended: dict[DirectiveId, Sequence[Changed]] = {}
    obstacles: dict[Target, NotAllowed] = {target: _not_claimed(target) for target in targets}
    for id_ in locked:
        outcomes = [
            rules.release(item, command.scope, command.cause)
            for item in await items.select_items(unit.connection, id_, tuple(claims[id_]))
        ]
        ended[id_] = [outcome for outcome in outcomes if isinstance(outcome, Changed)]
        obstacles.update((outcome.item.target, outcome) for outcome in outcomes if isinstance(outcome, NotAllowed))
    done = {changed.after.target for changes in ended.values() for changed in changes}
    stopped = tuple(obstacle for target, obstacle in obstacles.items() if target not in done)
    if stopped:
        raise errors.impossible(Impossible(stopped), command.selection)
    return locked, {id_: changes for id_, changes in ended.items() if changes}


async def _settle(unit: Unit, command: Release, ended: Ended) -> list[Settled]:
    terms = Terms(at=unit.now, cause=command.cause, due_at=None, label="")
    return await settle_claims(unit, ((id_, changed) for id_, changes in ended.items() for changed in changes), terms)


async def _record(unit: Unit, command: Release, directive: Directive, changes: Sequence[Changed]) -> None:
    after = [changed.after for changed in changes]
    await save_items(unit, directive, changes)
    released = replace(directive, tally=directive.tally.moved((changed.before, changed.after) for changed in changes))
    happened = {"cause": command.cause.value, "released": len(after), "ground": command.ground}
    detail = {"memo": command.memo, "approvers": list(command.approvers), "approvers_verified": False}
    await record(unit, released, DirectiveReleased, happened, changed_items=after, detail=detail)


def _named(selection: Selection) -> tuple[Target, ...]:
    if isinstance(selection, str):
        raise TypeError("a release without a directive names its targets")
    return tuple(dict.fromkeys(selection))


def _not_claimed(target: Target) -> NotAllowed:
    return NotAllowed(Item(target=target), Obstacle.NOT_CLAIMED, "nothing is withheld here that could be released")
