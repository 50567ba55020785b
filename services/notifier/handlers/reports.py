"""Enforcement points report what they did.

Promises: a report on a version that has not come yet, or by a point that is not registered for the key yet, is kept and counts
from the moment that both are there. A report on an older version changes nothing. What the table of states refuses changes
nothing and is counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from services.notifier.domain.effect import Version
from services.notifier.domain.enforcement import (
    Changed,
    Enforcement,
    EnforcementFact,
    EnforcementState,
    Refused,
    Report,
    Stale,
    Turn,
    Unchanged,
    answer,
    turn,
)
from services.notifier.domain.facts import Fact, Ignored, ReportIgnored, Reverted
from services.notifier.handlers.clocks import look_soon
from services.notifier.handlers.unit import Unit
from services.notifier.handlers.withholdings import took_effect
from services.notifier.store import enforcements, turns, withholdings
from services.notifier.store.enforcements import EnforcementId
from shared.events import EnforcementReported
from shared.ids import DirectiveId, Key

CLOCK_SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Reported:
    """How many reports say what we hold now, and how many changed nothing because they came too late or do not fit."""

    accepted: int
    ignored: int


@dataclass(frozen=True, slots=True)
class _Desk:
    """What the reports are judged against, and what they change."""

    versions: dict[Key, Version]
    known: dict[EnforcementId, Enforcement]
    changed: dict[EnforcementId, Enforcement] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)


async def record_reports(unit: Unit, events: Sequence[EnforcementReported]) -> Reported:
    reports = [_report(event, unit.now) for event in events]
    keys = {report.key for report in reports}
    versions = await withholdings.locked(unit.connection, keys)
    known = await enforcements.find(unit.connection, keys, points={report.point for report in reports})
    desk = _Desk(versions, known)
    reasons = [_judge(unit, desk, report) for report in reports]
    await enforcements.save(unit.connection, list(desk.changed.values()), known=known.keys())
    await turns.add(unit.connection, desk.turns)
    await look_soon(unit, {id_ for key in {each.key for each in desk.changed} for id_ in _claiming(versions.get(key))})
    ignored = [ReportIgnored(report.point, report.key, reason) for report, reason in zip(reports, reasons, strict=True) if reason]
    unit.found.extend(ignored)
    return Reported(len(reports) - len(ignored), len(ignored))


def _claiming(version: Version | None) -> Sequence[DirectiveId]:
    return version.directives if version else ()


def _judge(unit: Unit, desk: _Desk, report: Report) -> Ignored | None:
    present = desk.versions.get(report.key)
    if present and report.version < present.number:
        return Ignored.OLD_VERSION
    id_ = EnforcementId(report.key, report.version, report.point)
    before = desk.changed.get(id_) or desk.known.get(id_) or _early(unit, report)
    match answer(before, report):
        case Changed(after=after):
            desk.changed[id_] = after
            desk.turns.extend(filter(None, [turn(before, after, report.at)]))
            if present and after.current:
                unit.found.extend(_told(present, before, after))
            return None
        case Unchanged():
            return None
        case Stale():
            return Ignored.STALE
        case Refused():
            return Ignored.ILLEGAL
        case other:
            assert_never(other)


def _told(present: Version, before: Enforcement, after: Enforcement) -> Iterator[Fact]:
    """What a report on the present version is worth telling for."""
    if after.applied_at and before.applied_at is None:
        yield took_effect(present, after.applied_at)
    if after.state is EnforcementState.REVERTED:
        yield Reverted(after)


def _early(unit: Unit, report: Report) -> Enforcement:
    """Nobody has asked this of the point yet: the answer waits for the version, or for the point to be registered."""
    return Enforcement(point=report.point, key=report.key, version=report.version, current=False, since=unit.now)


def _report(event: EnforcementReported, now: datetime) -> Report:
    """A point's clock may run a little ahead of ours; a time further off would say that something was done after it was told."""
    return Report(
        point=event.point,
        key=Key(event.jurisdiction, event.target),
        version=event.version,
        fact=EnforcementFact(event.state),
        at=event.at if event.at <= now + CLOCK_SKEW else now,
        detail=event.detail,
    )
