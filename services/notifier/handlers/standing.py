"""How directives stand: what is stored of them, joined and judged. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.notifier import errors
from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, ClockState, Duty, clock_state
from services.notifier.domain.compliance import Compliance, Effect, Standing, compliance
from services.notifier.handlers.duties import Exposure, exposure
from services.notifier.handlers.unit import Unit
from services.notifier.store import clocks, correspondence, directives
from services.notifier.store.correspondence import Tally
from services.notifier.store.effects import effects
from shared.ids import DirectiveId


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReport:
    directive: Directive
    status: Compliance
    standing: Standing
    correspondence: Tally
    clocks: Sequence[tuple[Clock, ClockState]]
    exposure: Exposure


async def report_on(unit: Unit, id_: DirectiveId) -> CaseReport:
    """Raises Refusal if nothing has been heard of the directive."""
    directive = await directives.find(unit.connection, id_)
    if directive is None:
        raise errors.unknown_directive(id_)
    (report,) = await reports_on(unit, [directive])
    return report


async def reports_on(unit: Unit, found: Sequence[Directive]) -> list[CaseReport]:
    ids = [directive.id for directive in found]
    effect = await effects(unit.connection, ids)
    tallies = await correspondence.tallies(unit.connection, ids)
    running = await clocks.of(unit.connection, ids)
    return [_report(unit, each, effect[each.id], tallies[each.id], running[each.id]) for each in found]


def _report(unit: Unit, directive: Directive, effect: Effect, tally: Tally, running: Sequence[Clock]) -> CaseReport:
    standing = Standing(
        status=directive.status,
        counts=directive.counts,
        effect=effect,
        non_compliance_noticed=tally.non_compliance > 0,
        clocks=(),
    )
    states = [(clock, clock_state(clock, now=unit.now)) for clock in _judged(running, standing.settled_at)]
    standing = replace(standing, clocks=tuple(state for _, state in states))
    return CaseReport(
        directive=directive,
        status=compliance(standing),
        standing=standing,
        correspondence=tally,
        clocks=states,
        exposure=exposure(directive.legal_basis, directive.issued_at, standing.unmet, unit.registry),
    )


def _judged(running: Sequence[Clock], settled_at: datetime | None) -> list[Clock]:
    """The `restrict` clock is met by the items themselves, as long as its outcome has not been recorded."""
    return [
        replace(clock, met_at=settled_at) if clock.duty is Duty.RESTRICT and clock.met_at is None else clock for clock in running
    ]
