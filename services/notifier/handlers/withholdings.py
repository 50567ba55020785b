"""Withholdings change: any number of versions of any keys, in the order of their arrival, in a handful of statements.

Promises
 1. Whatever arrives, in whatever order and however often, each key ends at its highest version, and each version is kept once.
 2. A version applies at once, also when versions before it are missing; then the hole is recorded in the same transaction.
 3. A key's new version is asked for, as pending, at every point registered for it, and asked for at no older version any more.
Would break it: writing these tables elsewhere, or registering a point without the lock of `lock_scopes`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from services.notifier.domain.effect import (
    Applies,
    Contradicts,
    Corrects,
    Duplicate,
    Fills,
    Known,
    Version,
    WithholdingState,
    judge,
)
from services.notifier.domain.enforcement import Enforcement, EnforcementState
from services.notifier.domain.facts import Change, Contradicted, Corrected, HoleFound, TookEffect
from services.notifier.domain.holes import Hole
from services.notifier.domain.points import matching
from services.notifier.handlers.clocks import look_soon
from services.notifier.handlers.unit import Unit
from services.notifier.store import enforcements, holes, points, withholdings
from services.notifier.store.dialects import lock_scopes
from services.notifier.store.enforcements import id_of
from shared.events import WithholdingChanged
from shared.ids import Key


@dataclass(frozen=True, slots=True)
class _Changes:
    """What the arriving versions make of what was stored."""

    known: dict[Key, Known]
    applied: dict[Key, int] = field(default_factory=dict)
    archived: list[Version] = field(default_factory=list)
    filled: set[Key] = field(default_factory=set)
    holes: dict[Key, Hole] = field(default_factory=dict)
    corrected: dict[Key, int] = field(default_factory=dict)


async def record_withholdings(
    unit: Unit, events: Sequence[WithholdingChanged], epochs: Sequence[int] | None = None
) -> dict[Key, int]:
    """Answers the keys that have a new present version, with the place of its event among those that arrived.

    `epochs` are those under which the events were published, where that is known.
    """
    arrived = [version_told(event, epoch) for event, epoch in zip(events, epochs or [0] * len(events), strict=True)]
    if not arrived:
        return {}
    await lock_scopes(unit.connection, alone=False)
    stored = await withholdings.locked(unit.connection, {version.key for version in arrived})
    changes = _Changes(await _known(unit, stored, arrived))
    for position, version in enumerate(arrived):
        _take(unit, changes, version, position)
    await _forget_lost(unit, changes.corrected)
    await withholdings.save(unit.connection, _present(changes), known=stored.keys())
    await withholdings.archive(unit.connection, changes.archived)
    await holes.note_versions(unit.connection, changes.holes, unit.now)
    await holes.close_complete(unit.connection, changes.filled)
    await ask_points(unit, _present(changes))
    return changes.applied


async def _known(unit: Unit, stored: dict[Key, Version], arrived: Iterable[Version]) -> dict[Key, Known]:
    """What is known of the keys. Past versions are read only where one arrives again, which is rare."""
    late = {version.key for version in arrived if version.key in stored and version.number < stored[version.key].number}
    past = await withholdings.past(unit.connection, late)
    return {key: Known(version, past.get(key, {})) for key, version in stored.items()}


def _take(unit: Unit, changes: _Changes, version: Version, position: int) -> None:
    key = version.key
    known = changes.known.get(key, Known())
    match judge(known, version):
        case Applies(hole=hole):
            if known.current:
                changes.archived.append(known.current)
            changes.known[key] = known.advanced(version)
            changes.applied[key] = position
            _note(unit, changes, key, hole)
        case Fills():
            changes.archived.append(version)
            changes.known[key] = known.filled(version)
            changes.filled.add(key)
        case Corrects():
            _correct(unit, changes, version)
            changes.known[key] = known.corrected(version)
            changes.applied[key] = position
        case Duplicate():
            return
        case Contradicts():
            unit.found.append(Contradicted(position, key, version.number))
        case other:
            assert_never(other)


def _correct(unit: Unit, changes: _Changes, version: Version) -> None:
    key, number = version.key, version.number
    changes.archived[:] = [past for past in changes.archived if past.key != key or past.number < number]
    changes.corrected[key] = min(number, changes.corrected.get(key, number))
    unit.found.append(Corrected(key, number))


async def _forget_lost(unit: Unit, corrected: Mapping[Key, int]) -> None:
    """What a history that a restore ended had from these versions on."""
    for key, number in sorted(corrected.items()):
        await withholdings.forget_from(unit.connection, key, number)
        await enforcements.forget_from(unit.connection, key, number)


def _note(unit: Unit, changes: _Changes, key: Key, hole: Hole | None) -> None:
    if hole is not None:
        before = changes.holes.get(key)
        changes.holes[key] = before.joined(hole) if before else hole
        unit.found.append(HoleFound(key, hole))


def _present(changes: _Changes) -> list[Version]:
    return [known.current for key, known in changes.known.items() if key in changes.applied and known.current]


async def ask_points(unit: Unit, versions: Sequence[Version]) -> None:
    """Makes the versions current at every point that has to apply them; an answer that came early counts from now on."""
    if not versions:
        return
    registered = await points.every(unit.connection)
    await enforcements.overtake(unit.connection, [version.key for version in versions])
    pending = [
        Enforcement(
            point=point.id,
            key=version.key,
            version=version.number,
            current=True,
            since=unit.now,
            asked_at=max(version.effective_at, point.scoped_at or version.effective_at),
            due_at=unit.now + point.ack_within,
        )
        for version in versions
        for point in matching(registered, version.key)
    ]
    await look_soon(unit, {directive for version in versions for directive in version.directives})
    await _count_early(unit, {version.key: version for version in versions}, pending)
    await enforcements.begin(unit.connection, pending)


async def _count_early(unit: Unit, versions: dict[Key, Version], pending: Sequence[Enforcement]) -> None:
    points_asked = {enforcement.point for enforcement in pending}
    early = await enforcements.find(unit.connection, versions, points=points_asked)
    for enforcement in pending:
        answer = early.get(id_of(enforcement))
        if answer and answer.state is EnforcementState.APPLIED and answer.applied_at:
            unit.found.append(took_effect(versions[enforcement.key], answer.applied_at))


def took_effect(version: Version, applied_at: datetime) -> TookEffect:
    """A point's clock may run behind ours: nothing takes effect before it was decided."""
    change = Change.BLOCK if version.state is WithholdingState.WITHHELD else Change.RELEASE
    return TookEffect(version.key.jurisdiction, change, max(0.0, (applied_at - version.effective_at).total_seconds()))


def version_told(event: WithholdingChanged, epoch: int = 0) -> Version:
    return Version(
        key=Key(event.jurisdiction, event.target),
        number=event.version,
        state=WithholdingState(event.state),
        cause=event.cause,
        directives=event.directives,
        effective_at=event.effective_at,
        due_at=event.due_at,
        label=event.label,
        epoch=epoch,
    )
