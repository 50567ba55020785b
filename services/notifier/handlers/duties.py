"""From a legal basis to clocks and exposure: what the registry says, about one directive."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, Duty
from shared.registry import DutyKind, Registry, exposure_text

_JUDGED = {DutyKind.ACK: Duty.ACK, DutyKind.RESTRICT: Duty.RESTRICT, DutyKind.REPLY: Duty.REPLY}
"""The duties whose fulfilment can be seen in what the notifier learns. The blocklist runs the clocks that end claims."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What the legal basis threatens for what is unmet; never a sum that nobody has stated."""

    legal_basis: str
    maximum: str | None
    provision: str | None
    imprisonment_years_max: int | None
    unmet_items: int
    verified: bool
    source: str | None


def clocks_of(directive: Directive, registry: Registry) -> list[Clock]:
    """One clock for each duty with a known time. The time that the order sets, `due_at`, goes before that of the legal basis."""
    clocks: dict[Duty, Clock] = {}
    for clock in _fixed(directive, registry):
        present = clocks.get(clock.duty)
        if present is None or clock.due_at < present.due_at:
            clocks[clock.duty] = clock
    if directive.due_at is not None:
        clocks[Duty.RESTRICT] = Clock(duty=Duty.RESTRICT, starts_at=directive.received_at, due_at=directive.due_at, verified=True)
    return list(clocks.values())


def exposure(legal_basis: str, issued_at: datetime, unmet_items: int, registry: Registry) -> Exposure:
    """What the version in force at issue threatens, by its first penalty."""
    basis = registry.basis(legal_basis, issued_at)
    penalty = next(iter(basis.penalties), None) if basis else None
    return Exposure(
        legal_basis=legal_basis,
        maximum=exposure_text(penalty) if penalty else None,
        provision=penalty.provision if penalty else None,
        imprisonment_years_max=penalty.imprisonment_years_max if penalty else None,
        unmet_items=unmet_items,
        verified=penalty.verified if penalty else False,
        source=penalty.source if penalty else None,
    )


def _fixed(directive: Directive, registry: Registry) -> Iterator[Clock]:
    basis = registry.basis(directive.legal_basis, directive.issued_at)
    for each in basis.duties if basis else ():
        starts_at = each.started(issued_at=directive.issued_at, received_at=directive.received_at)
        due_at = None if starts_at is None else each.due(starts_at)
        if starts_at is not None and due_at is not None and each.duty in _JUDGED:
            yield Clock(duty=_JUDGED[each.duty], starts_at=starts_at, due_at=due_at, verified=each.verified)
