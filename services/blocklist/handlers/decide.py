"""The platform answers a directive's items: comply, refuse, or not located."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import assert_never

from services.blocklist import errors
from services.blocklist.domain import item as rules
from services.blocklist.domain.batch import BatchKind
from services.blocklist.domain.directive import Directive, DirectiveFact
from services.blocklist.domain.item import Decision, Item, Outcome
from services.blocklist.domain.selection import Batch, Impossible, Selection, apply_to_all
from services.blocklist.domain.withholding import Terms
from services.blocklist.handlers import elsewhere
from services.blocklist.handlers.elsewhere import Reach
from services.blocklist.handlers.unit import (
    Unit,
    in_time,
    record,
    save_items,
    selected_items,
    settle_claims,
    stepped,
    versions_of,
)
from shared.events import DirectiveDecided
from shared.http.problems import invalid
from shared.ids import DirectiveId, Jurisdiction
from shared.jurisdictions import covers


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide:
    """`scope` None means all that was asked; a narrower one is claimed instead, a wider one refused."""

    directive: DirectiveId
    decision: Decision
    ground: str | None
    selection: Selection
    scope: tuple[Jurisdiction, ...] | None
    memo: str | None


@dataclass(frozen=True, slots=True)
class Decided:
    """`items` are those the decision reached, as they stand after it."""

    directive: Directive
    items: tuple[Item, ...]
    changed: int
    unchanged: int
    withholdings_changed: int


async def decide(unit: Unit, command: Decide) -> Decided:
    """Decides all of the named items or none. Raises Refusal if one of them cannot be decided so."""
    unit.batch.begin(BatchKind.DECISION, memo=command.memo)
    reach = await elsewhere.reach(unit, command.directive, command.selection)
    directive = stepped(reach.directive, DirectiveFact.DECIDE)
    in_time(directive, unit.now)
    scope = _within(directive, command.scope)
    found = await selected_items(unit, directive, command.selection)
    batch = apply_to_all(found, _act(command, directive, scope), named=not isinstance(command.selection, str))
    if isinstance(batch, Impossible):
        raise errors.impossible(batch, command.selection)
    after = replace(directive, tally=directive.tally.moved((changed.before, changed.after) for changed in batch.changed))
    versions = await _store(unit, Reach(after, reach.others), command, batch, scope)
    reached = (*(changed.after for changed in batch.changed), *(unchanged.item for unchanged in batch.unchanged))
    return Decided(after, reached, len(batch.changed), len(batch.unchanged), versions)


async def _store(unit: Unit, reach: Reach, command: Decide, batch: Batch, scope: Sequence[Jurisdiction]) -> int:
    """Stores what changed, if anything did, and what it ends elsewhere. Answers how many versions were emitted."""
    if not batch.changed:
        return 0
    directive = reach.directive
    after = [changed.after for changed in batch.changed]
    await save_items(unit, directive, batch.changed)
    ended = await elsewhere.end_with(unit, directive, reach.others, after, scope)
    terms = Terms(at=unit.now, cause=elsewhere.cause(directive), due_at=directive.due_at, label=directive.label)
    own = ((directive.id, changed) for changed in batch.changed)
    settled = await settle_claims(unit, chain(own, elsewhere.changes_of(ended)), terms)
    happened = {"decision": command.decision.value, "ground": command.ground, "changed": len(after)}
    detail = {"memo": command.memo} if command.memo else None
    await record(unit, directive, DirectiveDecided, happened, changed_items=after, detail=detail)
    await elsewhere.tell(unit, directive, ended, command.memo)
    return len(versions_of(settled))


def _within(directive: Directive, scope: tuple[Jurisdiction, ...] | None) -> tuple[Jurisdiction, ...]:
    """The scope to claim. Raises Refusal if it reaches beyond what the directive asks."""
    if scope is None:
        return directive.scope
    for place in scope:
        if not any(covers(asked, place) for asked in directive.scope):
            raise invalid(
                f"{place} is outside what the directive asks; a decision may narrow it, never widen it", "/jurisdictions"
            )
    return scope


def _act(command: Decide, directive: Directive, scope: tuple[Jurisdiction, ...]) -> Callable[[Item], Outcome]:
    match command.decision:
        case Decision.COMPLY:
            return rules.carry_out if directive.unblocks else lambda item: rules.comply(item, scope)
        case Decision.REFUSE:
            return lambda item: rules.refuse(item, command.ground or "")
        case Decision.NOT_LOCATED:
            return rules.mark_not_located
        case _:
            assert_never(command.decision)
