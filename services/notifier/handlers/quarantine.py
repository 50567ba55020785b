"""Operators deal with what was set aside: each try is kept with who made it, why, and what came of it.

Promises: a record is closed once; a try on a closed one is refused, naming how it was closed, and leaves nothing. What a verb
does to the state of a key or a directive, the end of its hold and the entry about it are one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.notifier import errors
from services.notifier.domain.effect import Version
from services.notifier.domain.holes import WHOLE
from services.notifier.domain.quarantine import Closed, FreedBy, Outcome, Verb, conclude, is_open
from services.notifier.handlers.cases import record_case_events
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.handlers.unit import Unit
from services.notifier.handlers.withholdings import ask_points, version_told
from services.notifier.store import enforcements, held, holes, quarantine, withholdings
from services.notifier.store.dialects import lock_scopes
from services.notifier.store.quarantine import Action, Quarantined, Shown
from shared.events import WithholdingChanged
from shared.ids import DirectiveId, Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is tried, by whom, by unverified names, and why."""

    verb: Verb
    actors: tuple[str, ...]
    memo: str | None = None


async def open_record(unit: Unit, id_: int) -> Quarantined:
    """The record, for this transaction alone. Raises Refusal if there is none, or if it is closed."""
    found = await quarantine.locked(unit.connection, id_)
    if found is None:
        raise errors.unknown_record(id_)
    if not is_open(found.state):
        raise errors.record_closed(id_, Closed(found.state))
    return found


async def finish(unit: Unit, record: Quarantined, act: Act, outcome: Outcome, detail: str | None = None) -> Shown:
    """Keeps what was done and what came of it; a record that is done with holds nothing any more."""
    after = conclude(record.state, outcome)
    if isinstance(after, Closed):
        raise errors.record_closed(record.id, after)
    action = Action(at=unit.now, verb=act.verb, actors=act.actors, memo=act.memo, outcome=outcome, detail=detail)
    await quarantine.record_action(unit.connection, record, action, after.state)
    if not is_open(after.state):
        await held.free_record(unit.connection, record.id, FreedBy.OPERATOR, unit.now)
    return await shown(unit, record.id)


async def skip(unit: Unit, id_: int, act: Act) -> Shown:
    """The record is done with and had no effect: what is stored stands."""
    return await finish(unit, await open_record(unit, id_), act, Outcome.DISMISSED)


async def shown(unit: Unit, id_: int) -> Shown:
    """The record with all that was done about it. Raises Refusal if there is none."""
    found = await quarantine.find(unit.connection, id_)
    if found is None:
        raise errors.unknown_record(id_)
    return found


async def replace_key(unit: Unit, key: Key, versions: Sequence[WithholdingChanged]) -> str | None:
    """Makes what is stored of the key what the blocklist has of it, and nothing else. Answers what was there instead.

    Where that is another version than the one that points were asked for, they are asked again.
    """
    await lock_scopes(unit.connection, alone=False)
    stored = (await withholdings.locked(unit.connection, [key])).get(key)
    told = sorted(map(version_told, versions), key=lambda version: version.number)
    await withholdings.forget(unit.connection, key)
    await withholdings.archive(unit.connection, told[:-1])
    await withholdings.save(unit.connection, told[-1:], known=())
    await enforcements.retire_above(unit.connection, key, told[-1].number if told else 0)
    if told and (stored is None or stored.number != told[-1].number):
        await ask_points(unit, told[-1:])
    await holes.close(unit.connection, key)
    await held.free_keys(unit.connection, [key], FreedBy.OPERATOR, unit.now)
    return _instead(stored, told[-1] if told else None)


async def replace_directive(unit: Unit, directive: DirectiveId, records: Sequence[CaseRecord]) -> None:
    """Takes over all that the blocklist tells of the directive."""
    await record_case_events(unit, records)
    await holes.close_revisions(unit.connection, directive, WHOLE)
    await held.free_directive(unit.connection, directive, FreedBy.OPERATOR, unit.now)


def _instead(stored: Version | None, told: Version | None) -> str | None:
    if stored is None or stored == told:
        return None
    return f"it was version {stored.number}, {stored.state.value}, of {', '.join(stored.directives)}"
