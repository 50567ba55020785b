"""What handlers are made of: lock a directive, settle the claims that changed, record what happened.

Promises: whatever changes an item goes through `save_items`, `settle_claims` and `record`, so that items, withholdings, timeline,
outbox and batch change together or not at all.
Lock order, for everybody: directives by id, then keys in order. Would break it: locking a directive after a key.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist import errors, outbox
from services.blocklist.domain.batch import OpenBatch
from services.blocklist.domain.directive import Directive, DirectiveFact, NoTransition, step
from services.blocklist.domain.item import Changed, Item
from services.blocklist.domain.selection import Selection
from services.blocklist.domain.withholding import Emitted, Settled, Terms, Withholding, claim_changes, settle_all
from services.blocklist.outbound import case_event, item_events
from services.blocklist.store import batches, cases, directives, items, withholdings
from shared.events import CaseEvent
from shared.ids import DirectiveId, Key, Target
from shared.topics import Topics


@dataclass(frozen=True, slots=True)
class Unit:
    """An open transaction, where its events go, and the one instant at which all of it happens.

    `batch` collects what is done to items, `emitted` the versions made, for those who count them once the transaction has
    committed.
    """

    connection: AsyncConnection
    topics: Topics
    now: datetime
    batch: OpenBatch
    emitted: list[Withholding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Effects:
    """What a release or rescission did: items whose claim ended, those another directive still holds, versions emitted."""

    released: int
    still_withheld: int
    withholdings_changed: int


async def lock_directive(unit: Unit, id_: DirectiveId) -> Directive:
    """The directive, locked. Raises Refusal if there is none."""
    found = await directives.locked(unit.connection, [id_])
    if id_ not in found:
        raise errors.unknown_directive(id_)
    return found[id_]


def stepped(directive: Directive, fact: DirectiveFact) -> Directive:
    """The directive after the fact. Raises Refusal if its state does not allow it."""
    status = step(directive.status, fact)
    if isinstance(status, NoTransition):
        raise errors.no_transition(status)
    return replace(directive, status=status)


def in_time(directive: Directive, now: datetime) -> None:
    """Raises Refusal once the calendar has ended the directive, whether or not that has been carried out yet."""
    ended = directive.run_out(now)
    if ended:
        raise errors.time_is_up(ended)


async def selected_items(unit: Unit, directive: Directive, selection: Selection) -> list[Item]:
    """The items that are named. Raises Refusal if one of the named targets is not the directive's."""
    found = await items.select_items(unit.connection, directive.id, selection)
    if not isinstance(selection, str):
        foreign = set(selection) - {item.target for item in found}
        if foreign:
            raise errors.foreign_targets(foreign, selection)
    return found


async def add_items(unit: Unit, directive: Directive, received: Mapping[Target, list[Any]], made: Sequence[Changed]) -> None:
    """Stores the items of a new directive, each as it stands at once: undecided, or already complied with."""
    after = [changed.after for changed in made]
    await items.add(unit.connection, directive.id, received, after, at=unit.now, batch=unit.batch.id)
    unit.batch.add(directive, made)


async def save_items(unit: Unit, directive: Directive, changes: Sequence[Changed]) -> None:
    """Stores items that changed, as part of the batch; what each was before stays in its history."""
    after = [changed.after for changed in changes]
    await items.save(unit.connection, directive.id, after, at=unit.now, batch=unit.batch.id)
    unit.batch.add(directive, changes)


async def close_batch(unit: Unit) -> None:
    """Records the batch, if any item changed. The last thing that a command does."""
    if unit.batch.name:
        await batches.add(unit.connection, unit.batch, unit.now, withholdings_changed=len(unit.emitted))


async def settle_claims(unit: Unit, changes: Iterable[tuple[DirectiveId, Changed]], terms: Terms) -> list[Settled]:
    """Locks every key whose claims change, derives its new state, stores it and queues the new versions."""
    deltas = claim_changes(changes)
    before = await withholdings.locked(unit.connection, deltas)
    settled = settle_all(deltas, before, terms)
    await withholdings.save(unit.connection, settled)
    versions = versions_of(settled)
    await outbox.append_withholdings(unit.connection, unit.topics, versions, unit.now)
    unit.emitted.extend(versions)
    return settled


def versions_of(settled: Iterable[Settled]) -> list[Withholding]:
    return [outcome.after for outcome in settled if isinstance(outcome, Emitted)]


async def record(
    unit: Unit,
    directive: Directive,
    event: type[CaseEvent],
    happened: Mapping[str, Any],
    *,
    changed_items: Sequence[Item] = (),
    detail: Mapping[str, Any] | None = None,
) -> Directive:
    """Adds what happened, and the membership that changed with it, to timeline and outbox, and stores the directive.

    The event takes the next revision, each chunk of items one more. `detail` stays in the timeline.
    """
    batch = {"batch": unit.batch.id, "undoes": unit.batch.undoes} if changed_items else {}
    first = case_event(event, directive, directive.revision + 1, **batch, **happened)
    events = [first, *item_events(directive, directive.revision + 2, changed_items, **batch)]
    after = replace(directive, revision=events[-1].revision)
    await directives.save(unit.connection, after)
    await cases.append(unit.connection, events, unit.now, detail)
    await outbox.append_case_events(unit.connection, unit.topics, events, unit.now)
    return after


def effects(changes: Sequence[Changed], settled: Sequence[Settled]) -> Effects:
    """Counts what ending or suspending claims did. An item counts once, however many of its jurisdictions were released."""
    held = {outcome.after.key for outcome in settled if outcome.after.claimants}
    ended = [keys for keys in map(_gone_keys, changes) if keys]
    still = [keys for keys in ended if held & keys]
    return Effects(len(ended), len(still), len(versions_of(settled)))


def _gone_keys(changed: Changed) -> set[Key]:
    gone = changed.ended | (changed.before.live - changed.after.live)
    return {Key(place, changed.after.target) for place in gone}
