"""A batch is taken back: what it did and nobody has touched since."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from services.blocklist import errors
from services.blocklist.domain.batch import BatchId, BatchKind, four_eyes
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import Directive, DirectiveFact
from services.blocklist.domain.item import Changed, ItemState
from services.blocklist.domain.undo import Skipped, TakenBack, undo
from services.blocklist.domain.withholding import Settled, Terms, claim_changes
from services.blocklist.handlers.unit import Effects, Unit, effects, in_time, record, save_items, settle_claims, stepped
from services.blocklist.store import batches, directives, item_history, withholdings
from shared.events import CaseEvent, DirectiveDecided, DirectiveReleased
from shared.ids import DirectiveId, Target

Changes = Mapping[DirectiveId, Sequence[Changed]]

_WORDS = {ItemState.COMPLIED: "comply", ItemState.REFUSED: "refuse"}
"""The decision that leaves an item in a state, where the two have different words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """`approvers` are unverified names for now; they are needed where a release by the platform comes back."""

    batch: BatchId
    memo: str
    approvers: tuple[str, ...]

    @property
    def four_eyes(self) -> bool:
        return four_eyes(self.approvers)


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Something that the batch did and that is left as it is."""

    directive: DirectiveId
    target: Target
    skipped: Skipped


@dataclass(frozen=True, slots=True)
class Undone:
    changed: int
    blocked: int
    effects: Effects
    left_over: tuple[LeftOver, ...]


async def undo_batch(unit: Unit, command: Undo) -> Undone:
    """Takes back all that can be. Raises Refusal if nothing can, or if what would come back needs more eyes than looked."""
    found = await batches.find(unit.connection, command.batch)
    if found is None:
        raise errors.unknown_batch(command.batch)
    if found["kind"] == BatchKind.ACT:
        raise errors.not_undoable(command.batch)
    unit.batch.begin(BatchKind.UNDO, memo=command.memo, approvers=command.approvers, undoes=command.batch)
    locked = await directives.locked(unit.connection, sorted(found["directives"]))
    changes, left_over = await _taken_back(unit, command.batch, locked)
    if not changes:
        raise errors.nothing_to_undo(command.batch, {left.skipped.why for left in left_over})
    if not command.four_eyes and any(changed.after.unilateral > changed.before.unilateral for changed in _all(changes)):
        raise errors.four_eyes_needed()
    settled = await _settle(unit, locked, changes)
    for id_ in sorted(changes):
        await _record(unit, command, locked[id_], changes[id_])
    return Undone(len(list(_all(changes))), unit.batch.reach.blocked, _effects(changes, settled), tuple(left_over))


async def _taken_back(unit: Unit, batch: BatchId, locked: Iterable[DirectiveId]) -> tuple[Changes, list[LeftOver]]:
    changes: dict[DirectiveId, list[Changed]] = {}
    left_over: list[LeftOver] = []
    for id_ in locked:
        for past in await item_history.around(unit.connection, id_, batch):
            outcome = undo(past)
            if isinstance(outcome, TakenBack):
                changes.setdefault(id_, []).append(outcome.changed)
            left_over += (LeftOver(id_, past.now.target, skipped) for skipped in outcome.skipped)
    return changes, left_over


async def _settle(unit: Unit, locked: Mapping[DirectiveId, Directive], changes: Changes) -> list[Settled]:
    """Directive by directive, since each lends its own terms to what is withheld again; all keys are locked before, in order."""
    everything = ((id_, changed) for id_, found in changes.items() for changed in found)
    await withholdings.locked(unit.connection, claim_changes(everything))
    settled: list[Settled] = []
    for id_ in sorted(changes):
        terms = Terms(at=unit.now, cause=Cause.ERROR, due_at=locked[id_].due_at, label=locked[id_].label)
        settled += await settle_claims(unit, ((id_, changed) for changed in changes[id_]), terms)
    return settled


async def _record(unit: Unit, command: Undo, directive: Directive, changes: Sequence[Changed]) -> None:
    """An event for each thing that was done to items of the directive: a release for an error, or a decision that is back."""
    await save_items(unit, directive, changes)
    detail = {"memo": command.memo, "approvers": list(command.approvers), "approvers_verified": False}
    for (event, word), alike in groupby(sorted(changes, key=_order), key=_fact):
        group = list(alike)
        after = _step(unit, directive, event)
        after = replace(after, tally=after.tally.moved((changed.before, changed.after) for changed in group))
        happened = _happened(event, word, len(group))
        directive = await record(unit, after, event, happened, changed_items=[each.after for each in group], detail=detail)


def _step(unit: Unit, directive: Directive, event: type[CaseEvent]) -> Directive:
    """Ending a claim is a release, all else a decision, and takes a directive whose time has not run out."""
    if event is DirectiveReleased:
        return stepped(directive, DirectiveFact.RELEASE)
    in_time(directive, unit.now)
    return stepped(directive, DirectiveFact.DECIDE)


def _fact(changed: Changed) -> tuple[type[CaseEvent], str]:
    if changed.ended:
        return DirectiveReleased, Cause.ERROR
    return DirectiveDecided, _WORDS.get(changed.after.state, changed.after.state.word)


def _order(changed: Changed) -> tuple[str, str]:
    event, word = _fact(changed)
    return event.__name__, word


def _happened(event: type[CaseEvent], word: str, count: int) -> dict[str, object]:
    if event is DirectiveReleased:
        return {"cause": word, "released": count}
    return {"decision": word, "ground": None, "changed": count}


def _effects(changes: Changes, settled: Sequence[Settled]) -> Effects:
    """Of a key that was settled for several directives, what it came to counts."""
    last = {outcome.after.key: outcome for outcome in settled}
    counted = effects(list(_all(changes)), list(last.values()))
    return replace(counted, withholdings_changed=effects([], settled).withholdings_changed)


def _all(changes: Changes) -> Iterator[Changed]:
    return (changed for found in changes.values() for changed in found)
