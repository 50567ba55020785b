"""From a legal basis to exposure: what the registry threatens, for what is unmet of one directive."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from services.notifier.domain.case import OFFICIAL, Directive
from services.notifier.domain.clocks import Clock, ClockState, Duty
from services.notifier.domain.compliance import Standing
from services.notifier.domain.exposure import NOTICED, RELEASED, Exposure, Threat, Unmet, exposure
from services.notifier.store.correspondence import Tally
from shared.registry import Penalty, Registry, exposure_text, per_day_text


def exposure_of(
    directive: Directive,
    standing: Standing,
    tally: Tally,
    clocks: Iterable[tuple[Clock, ClockState]],
    *,
    registry: Registry,
    now: datetime,
) -> Exposure:
    """By the version of the law that was in force at issue. An informal request has no exposure, whatever it cites."""
    if directive.channel != OFFICIAL:
        return Exposure(legal_basis=directive.legal_basis)
    basis = registry.basis(directive.legal_basis, directive.issued_at)
    return exposure(
        directive.legal_basis,
        [_threat(penalty) for penalty in basis.penalties] if basis else [],
        unmet_items=standing.unmet,
        unmet=() if standing.closed else _unmet(standing, tally, clocks),
        cited=tally.cited,
        now=now,
    )


def _unmet(standing: Standing, tally: Tally, clocks: Iterable[tuple[Clock, ClockState]]) -> Iterator[Unmet]:
    for clock, state in clocks:
        # To release in time is our own promise, which no law threatens.
        if state is ClockState.BREACHED and clock.duty is not Duty.RELEASE:
            yield Unmet(what=clock.duty.value, since=clock.due_at)
    if tally.noticed_at is not None and standing.unmet:
        yield Unmet(what=NOTICED, since=tally.noticed_at)
    if standing.effect.unilateral_at is not None:
        yield Unmet(what=RELEASED, since=standing.effect.unilateral_at)


def _threat(penalty: Penalty) -> Threat:
    return Threat(
        provision=penalty.provision,
        maximum=exposure_text(penalty),
        at_risk=penalty.at_risk,
        verified=penalty.verified,
        source=penalty.source,
        imprisonment_years_max=penalty.imprisonment_years_max,
        turnover_percent_max=penalty.turnover_percent_max,
        fine_max_minor=penalty.fine_max_minor,
        per_day=per_day_text(penalty),
        per_day_minor=penalty.per_day_minor,
        currency=penalty.currency,
    )
