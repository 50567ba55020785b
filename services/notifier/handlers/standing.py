"""How directives stand: what is stored of them, joined and judged. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.notifier import errors
from services.notifier.domain.case import Directive
from services.notifier.domain.clocks import Clock, ClockState, Duty, meet, state_at
from services.notifier.domain.compliance import Compliance, Effect, Standing, compliance
from services.notifier.domain.exposure import Exposure
from services.notifier.domain.traces import effect_of
from services.notifier.handlers.exposures import exposure_of
from services.notifier.handlers.unit import Unit
from services.notifier.store import clocks, correspondence, directives, held
from services.notifier.store.correspondence import Tally
from services.notifier.store.effects import effects
from services.notifier.store.past_clocks import clocks_at
from services.notifier.store.traces import past_of
from shared.ids import DirectiveId


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReport:
    """`held` are its items with a key of which nobody knows how it stands; `unknown` says so of the directive itself."""

    directive: Directive
    status: Compliance
    standing: Standing
    correspondence: Tally
    clocks: Sequence[tuple[Clock, ClockState]]
    exposure: Exposure
    held: int = 0
    unknown: bool = False


async def report_on(unit: Unit, id_: DirectiveId, *, as_of: datetime | None = None) -> CaseReport:
    """How it stands, or stood then. Raises Refusal if nothing has, or had, been heard of the directive."""
    directive = await directives.find(unit.connection, id_)
    reports = await reports_on(unit, [directive] if directive else [], as_of=as_of)
    if not reports:
        raise errors.unknown_directive(id_)
    return reports[0]


async def reports_on(unit: Unit, found: Sequence[Directive], *, as_of: datetime | None = None) -> list[CaseReport]:
    """How each of them stands; as of an instant how it stood then, without those of which nothing had been heard."""
    if as_of is not None:
        unit = replace(unit, now=as_of)
        found = list((await directives.as_of(unit.connection, found, as_of)).values())
    ids = [directive.id for directive in found]
    effect = await effects(unit.connection, ids) if as_of is None else await _effects_at(unit, found)
    tallies = await correspondence.tallies(unit.connection, ids, as_of=as_of)
    running = await clocks.of(unit.connection, ids) if as_of is None else await clocks_at(unit.connection, ids, as_of)
    items = await held.items_held(unit.connection, ids, as_of=as_of)
    unknown = await held.directives_held(unit.connection, ids, as_of=as_of)
    reports = (_report(unit, each, effect[each.id], tallies[each.id], running[each.id]) for each in found)
    return [replace(report, held=items[report.directive.id], unknown=report.directive.id in unknown) for report in reports]


async def _effects_at(unit: Unit, found: Sequence[Directive]) -> dict[DirectiveId, Effect]:
    """As they were at the unit's *now*."""
    past = await past_of(unit.connection, found, unit.now)
    return {each.id: effect_of(each, past.items(each.id), past.traces_of(each.id)) for each in found}


async def settled(unit: Unit, found: Sequence[Directive]) -> dict[DirectiveId, datetime | None]:
    """When the last item of each directive was decided and applied; None while one is not."""
    decided = [directive for directive in found if not directive.counts.undecided]
    effect = await effects(unit.connection, [directive.id for directive in decided])
    instants = {each.id: _standing(each, effect[each.id], noticed=False).settled_at for each in decided}
    return {directive.id: instants.get(directive.id) for directive in found}


def _standing(directive: Directive, effect: Effect, *, noticed: bool) -> Standing:
    return Standing(
        status=directive.status,
        counts=directive.counts,
        effect=effect,
        non_compliance_noticed=noticed,
        clocks=(),
    )


def _report(unit: Unit, directive: Directive, effect: Effect, tally: Tally, stored: Mapping[Duty, Clock]) -> CaseReport:
    standing = _standing(directive, effect, noticed=tally.non_compliance > 0)
    states = [_shown(clock, standing.settled_at, unit.now) for clock in stored.values()]
    standing = replace(standing, clocks=tuple(state for _, state in states))
    return CaseReport(
        directive=directive,
        status=compliance(standing),
        standing=standing,
        correspondence=tally,
        clocks=states,
        exposure=exposure_of(directive, standing, tally, states, registry=unit.registry, now=unit.now),
    )


def _shown(clock: Clock, settled_at: datetime | None, now: datetime) -> tuple[Clock, ClockState]:
    """The `restrict` clock is met by the items themselves, also before that has been recorded."""
    if clock.duty is not Duty.RESTRICT or settled_at is None:
        return clock, state_at(clock, now)
    met = meet(clock, max(settled_at, clock.starts_at), now=now)
    return replace(met, breached_at=clock.breached_at), state_at(met, now)
