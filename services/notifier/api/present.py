"""What is answered: values as the contract shapes them."""

import base64
from dataclasses import asdict

from sqlalchemy import RowMapping

from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, ClockState
from services.notifier.domain.compliance import CAUSES
from services.notifier.domain.enforcement import EnforcementState
from services.notifier.domain.exposure import Clause, Exposure
from services.notifier.domain.points import Point
from services.notifier.domain.quarantine import FreedBy
from services.notifier.handlers.places import PlaceReport
from services.notifier.handlers.standing import CaseReport
from services.notifier.schemas import (
    ClauseOut,
    ClockOut,
    ComplianceOut,
    DueOut,
    EnforcementOut,
    ExposureOut,
    HeaderOut,
    JurisdictionExposureOut,
    JurisdictionOut,
    PointOut,
    QuarantineActionOut,
    QuarantinedOut,
    UnmetOut,
)
from services.notifier.store.quarantine import Action, Shown

_OF_THE_FIRST_CLAUSE = ("maximum", "provision", "imprisonment_years_max", "source", "per_day_minor", "currency")


def point(found: Point) -> PointOut:
    return PointOut(
        id=found.id,
        jurisdictions=list(found.requested),
        expanded=list(found.jurisdictions),
        target_types=sorted(found.target_types),
        ack_within_seconds=int(found.ack_within.total_seconds()),
    )


def enforcement(row: RowMapping) -> EnforcementOut:
    return EnforcementOut(**{name: row[name] for name in EnforcementOut.model_fields})


def compliance(report: CaseReport) -> ComplianceOut:
    counts, effect = report.directive.counts, report.standing.effect
    return ComplianceOut(
        directive=report.directive.id,
        status=report.status,
        directive_status=report.directive.status,
        specified=counts.total,
        withheld=counts.complied,
        refused=counts.refused,
        undecided=counts.undecided,
        not_located=counts.not_located,
        withdrawn=counts.withdrawn,
        released={cause: counts.released.get(cause, 0) for cause in CAUSES},
        enforced=effect.enforced,
        pending=report.standing.pending,
        overdue=effect.overdue,
        uncovered=effect.uncovered,
        notices=report.correspondence.notices,
        replies=report.correspondence.replies,
        clocks=[_clock(clock, state) for clock, state in report.clocks],
        exposure=_exposure(report.exposure),
        held=report.held,
        unknown=report.unknown,
    )


def jurisdiction(report: PlaceReport) -> JurisdictionOut:
    return JurisdictionOut(
        jurisdiction=report.jurisdiction,
        withheld=report.withheld,
        released=report.released,
        unilateral_releases=report.unilateral_releases,
        enforcements=report.enforcements,
        overdue=report.enforcements[EnforcementState.OVERDUE],
        next_due_at=report.next_due_at,
        exposure=JurisdictionExposureOut(
            unmet_items=sum(each.unmet_items for each in report.exposures), by_legal_basis=list(map(_exposure, report.exposures))
        ),
        unknown=report.unknown,
    )


def quarantined(found: Shown) -> QuarantinedOut:
    record = found.record
    same = {name: getattr(record, name) for name in _AS_STORED}
    return QuarantinedOut(
        **same,
        key=_base64(record.key),
        value=None if record.value is None else _base64(record.value),
        headers=None if record.headers is None else [HeaderOut(name=name, value=_base64(v)) for name, v in record.headers],
        about=None if record.about is None else str(record.about),
        freed_by=None if record.freed_by is None else FreedBy(record.freed_by),
        actions=[_action(action) for action in found.actions],
    )


_AS_STORED = ("id", "topic", "partition", "offset", "reason", "at", "state", "closed_at", "held", "freed_at")


def _action(action: Action) -> QuarantineActionOut:
    return QuarantineActionOut(
        at=action.at,
        verb=action.verb,
        by=list(action.actors),
        memo=action.memo,
        outcome=action.outcome,
        detail=action.detail,
    )


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _clock(clock: Clock, state: ClockState) -> ClockOut:
    same = {name: getattr(clock, name) for name in ClockOut.model_fields if name not in {"state", "left_seconds"}}
    return ClockOut(**same, state=state, left_seconds=None if clock.left is None else clock.left.total_seconds())


def due(directive: Directive, clock: Clock, state: ClockState) -> DueOut:
    return DueOut(
        **_clock(clock, state).model_dump(),
        directive=directive.id,
        jurisdictions=list(directive.jurisdictions),
        legal_basis=directive.legal_basis,
    )


def _exposure(found: Exposure) -> ExposureOut:
    first = found.first.threat if found.first else None
    return ExposureOut(
        legal_basis=found.legal_basis,
        unmet_items=found.unmet_items,
        verified=bool(first and first.verified),
        **{name: getattr(first, name, None) for name in _OF_THE_FIRST_CLAUSE},
        accrued_minor=found.first.accrued_minor if found.first else None,
        since=found.since,
        unmet=[UnmetOut(what=each.what, since=each.since) for each in found.unmet],
        at_risk=list(found.at_risk),
        clauses=list(map(_clause, found.clauses)),
    )


def _clause(found: Clause) -> ClauseOut:
    return ClauseOut(**asdict(found.threat), cited=found.cited, days=found.days, accrued_minor=found.accrued_minor)
