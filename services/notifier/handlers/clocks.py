"""Clocks follow what happens to directives.

Promises: after each event the clocks of its directive are what `course` makes of all that is known to have happened to it, and
what changed by that is noted as facts, in the transaction of the event. An informal request never has a clock.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from services.notifier.domain.case import Directive
from services.notifier.domain.changes import Change, changes
from services.notifier.domain.clocks import Clock, Duty, void
from services.notifier.domain.course import Happened, Happening, carried, course, released
from services.notifier.domain.facts import (
    AnyClockFact,
    ClockBreached,
    ClockExtended,
    ClockMet,
    ClockPaused,
    ClockResumed,
    ClockStarted,
    ClockWarned,
)
from services.notifier.handlers.happenings import CaseRecord, happenings_of
from services.notifier.handlers.terms import terms_of
from services.notifier.handlers.unit import Unit
from services.notifier.store import clocks
from shared.events import OFFICIAL
from shared.ids import DirectiveId

LOOK_AFTER = timedelta(seconds=1)
LOOK_PER_ITEM = timedelta(microseconds=50)
"""Whether items meet a clock is seen by counting them all: that costs more, and is done more rarely, the more there are."""

_FACTS: Mapping[Change, type[AnyClockFact]] = {
    Change.STARTED: ClockStarted,
    Change.PAUSED: ClockPaused,
    Change.RESUMED: ClockResumed,
    Change.EXTENDED: ClockExtended,
    Change.WARNED: ClockWarned,
    Change.BREACHED: ClockBreached,
    Change.MET: ClockMet,
}


async def run_clocks(
    unit: Unit,
    before: Mapping[DirectiveId, Directive],
    changed: Mapping[DirectiveId, Directive],
    records: Sequence[CaseRecord],
) -> None:
    """`before` are the directives as they were stored, `changed` those that the records advance."""
    official = [record for record in records if record.event.channel == OFFICIAL]
    happened = [each for record in official for each in happenings_of(record)]
    added = await clocks.add_happenings(unit.connection, happened)
    ids = {each.directive for each in added} | {
        record.event.directive for record in official if _moves(record.event.directive, before, changed)
    }
    if not ids:
        return
    latest = {id_: max(record.at for record in official if record.event.directive == id_) for id_ in ids}
    ended = {id_: [each.at for each in added if each.directive == id_ and each.what is Happened.CLAIMS_ENDED] for id_ in ids}
    await _run(unit, [_present(id_, before, changed) for id_ in sorted(ids)], latest, ended)


def told(directive: Directive, before: Clock | None, after: Clock) -> Iterator[AnyClockFact]:
    """What became of the directive's clock, as facts."""
    for change in changes(before, after):
        yield _FACTS[change](directive=directive, clock=after)


async def look_soon(unit: Unit, ids: Collection[DirectiveId]) -> None:
    """Something happened to items of the directives: whether that meets their clocks is looked at soon, once for many changes."""
    await clocks.look(unit.connection, ids, lambda items: unit.now + LOOK_AFTER + items * LOOK_PER_ITEM)


async def _run(
    unit: Unit,
    found: Sequence[Directive],
    latest: Mapping[DirectiveId, datetime],
    ended: Mapping[DirectiveId, Sequence[datetime]],
) -> None:
    ids = [directive.id for directive in found]
    known = await clocks.happenings(unit.connection, ids)
    stored = await clocks.locked(unit.connection, ids)
    moved: list[tuple[DirectiveId, Clock]] = []
    for directive in found:
        happened = [*known[directive.id], *_unheard_end(directive, known[directive.id], latest[directive.id])]
        known_clocks = stored[directive.id]
        release = released(known_clocks.get(Duty.RELEASE), ended[directive.id], unit.release_within)
        for before, after in _judged(unit, directive, happened, known_clocks, release):
            unit.found.extend(told(directive, before, after))
            moved.append((directive.id, after))
    await clocks.save(unit.connection, moved, unit.now)


def _judged(
    unit: Unit, directive: Directive, happened: Sequence[Happening], stored: Mapping[Duty, Clock], release: Clock | None
) -> Iterator[tuple[Clock | None, Clock]]:
    """The clocks that are not as they were stored, and how they were. What neither law nor order asks for any more is void."""
    run = course(terms_of(directive, unit.registry), happened, now=unit.now)
    gone = {duty: void(stored[duty], unit.now, now=unit.now) for duty in stored.keys() - run.keys() - {Duty.RELEASE}}
    for clock in [*run.values(), *gone.values(), *filter(None, [release])]:
        before = stored.get(clock.duty)
        after = carried(before, clock)
        if after != before:
            yield before, after


def _moves(id_: DirectiveId, before: Mapping[DirectiveId, Directive], changed: Mapping[DirectiveId, Directive]) -> bool:
    """Whether the directive is new, falls due or lapses at another time than was known, or has ended since."""
    old, new = before.get(id_), changed.get(id_)
    if old is None or new is None:
        return new is not None
    return (old.due_at, old.lapses_at, old.closed) != (new.due_at, new.lapses_at, new.closed)


def _present(id_: DirectiveId, before: Mapping[DirectiveId, Directive], changed: Mapping[DirectiveId, Directive]) -> Directive:
    return changed.get(id_) or before[id_]


def _unheard_end(directive: Directive, known: Iterable[Happening], at: datetime) -> Iterator[Happening]:
    """The end of a directive of which the event that ended it is missing still."""
    if directive.closed and all(each.what is not Happened.ENDED for each in known):
        yield Happening(directive=directive.id, revision=directive.revision, what=Happened.ENDED, at=at)
