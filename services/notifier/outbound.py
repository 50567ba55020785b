"""How what handlers found becomes the wire's: the only place where the domain's facts and compliance events meet.

What is told carries ids, places, times and counts. No order text, no reason and no reference of an authority: many may subscribe.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never
from uuid import uuid4

import msgspec

from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, ClockState
from services.notifier.domain.enforcement import Enforcement
from services.notifier.domain.facts import (
    AnyClockFact,
    ClockBreached,
    ClockExtended,
    ClockFact,
    ClockMet,
    ClockPaused,
    ClockResumed,
    ClockStarted,
    ClockWarned,
    Contradicted,
    Corrected,
    DigestCompared,
    Fact,
    HoleFound,
    LaneFact,
    ReleasedUnilaterally,
    ReportIgnored,
    Reverted,
    RevisionHoleFound,
    SetAside,
    StateDiverged,
    TookEffect,
    WentOverdue,
)
from shared.events import TYPE_OF, compliance
from shared.events.compliance import ClockFinding, DirectiveFinding, Finding, KeyFinding, PlaceFinding
from shared.ids import Jurisdiction, Key

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Told:
    """A finding under the id by which whoever is told of it, however often, knows it again.

    `sealed` says that it names a sealed directive; the finding itself does not tell.
    """

    id: str
    finding: Finding
    sealed: bool = False


def told(facts: Iterable[Fact], at: datetime) -> list[Told]:
    """What those facts that have an event are told as, in their order."""
    return [
        Told(f"fnd_{uuid4().hex}", finding, sealed=_of_sealed(fact))
        for fact in facts
        if (finding := _finding(fact, at)) is not None
    ]


def body_of(each: Told) -> bytes:
    """The finding as JSON, as subscribers get it: what Kafka has in headers and value, in one."""
    finding = each.finding
    return _encode(
        {"type": type_of(finding), "id": each.id, "timestamp": finding.at, "subject": subject_of(finding), "data": finding}
    )


def type_of(finding: Finding) -> str:
    return TYPE_OF[type(finding)]


def subject_of(finding: Finding) -> str:
    """What the event is about, and its key on Kafka: a directive, or a withholding."""
    match finding:
        case DirectiveFinding():
            return finding.directive
        case KeyFinding():
            return str(Key(finding.jurisdiction, finding.target))
        case PlaceFinding():
            return finding.jurisdiction
        case other:
            assert_never(other)


def places_of(finding: Finding) -> tuple[Jurisdiction, ...]:
    """Where it happened."""
    match finding:
        case DirectiveFinding():
            return finding.jurisdictions
        case KeyFinding() | PlaceFinding():
            return (finding.jurisdiction,)
        case other:
            assert_never(other)


def _of_sealed(fact: Fact) -> bool:
    """Facts about keys name no directive."""
    return isinstance(fact, RevisionHoleFound | ReleasedUnilaterally | ClockFact) and fact.directive.sealed


def _finding(fact: Fact, at: datetime) -> Finding | None:
    match fact:
        case WentOverdue(enforcement=late):
            return compliance.EnforcementOverdue(**_enforcement(late), due_at=late.due_at or at, at=at)
        case Reverted(enforcement=reverted):
            return compliance.EnforcementReverted(**_enforcement(reverted), at=at)
        case HoleFound(key=key, hole=hole):
            return compliance.HistoryIncomplete(
                target=key.target, jurisdiction=key.jurisdiction, first=hole.first, last=hole.last, at=at
            )
        case RevisionHoleFound(directive=directive, hole=hole):
            return compliance.CaseIncomplete(**_directive(directive), first=hole.first, last=hole.last, at=at)
        case ReleasedUnilaterally(directive=directive, items=items):
            return compliance.ReleasedUnilaterally(**_directive(directive), items=items, at=at)
        case StateDiverged(jurisdiction=place, as_of=as_of, told=there, own=known):
            return compliance.StateDiverged(
                jurisdiction=place,
                as_of=as_of,
                keys=there.keys,
                known_keys=known.keys,
                withheld=there.withheld,
                known_withheld=known.withheld,
                at=at,
            )
        case Contradicted() | Corrected() | DigestCompared() | SetAside() | TookEffect() | ReportIgnored() | LaneFact():
            return None
        case other:
            return _clock_finding(other, at)


def _clock_finding(fact: AnyClockFact, at: datetime) -> Finding:
    clock = fact.clock
    common = {**_directive(fact.directive), **_clock(clock), "at": at}
    match fact:
        case ClockWarned():
            return compliance.ClockWarned(**common, percent=clock.warned)
        case ClockMet():
            return compliance.ClockMet(**common, met_at=clock.met_at or at, late=clock.state is ClockState.MET_LATE)
        case ClockStarted() | ClockPaused() | ClockResumed() | ClockExtended() | ClockBreached():
            return _PLAIN[type(fact)](**common)
        case other:
            assert_never(other)


_PLAIN: Mapping[type[AnyClockFact], type[ClockFinding]] = {
    ClockStarted: compliance.ClockStarted,
    ClockPaused: compliance.ClockPaused,
    ClockResumed: compliance.ClockResumed,
    ClockExtended: compliance.ClockExtended,
    ClockBreached: compliance.ClockBreached,
}


def _directive(directive: Directive) -> dict[str, Any]:
    return {"directive": directive.id, "jurisdictions": directive.jurisdictions, "legal_basis": directive.legal_basis}


def _clock(clock: Clock) -> dict[str, Any]:
    return {
        "duty": clock.duty.value,
        "starts_at": clock.starts_at,
        "due_at": clock.due_at,
        "verified": clock.verified,
    }


def _enforcement(enforcement: Enforcement) -> dict[str, Any]:
    return {
        "target": enforcement.key.target,
        "jurisdiction": enforcement.key.jurisdiction,
        "point": enforcement.point,
        "version": enforcement.version,
    }
