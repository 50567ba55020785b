"""How jurisdictions stand. Reads only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from services.notifier.domain.clocks import ClockState
from services.notifier.domain.effect import WithholdingState
from services.notifier.domain.enforcement import COUNTED, EnforcementState
from services.notifier.domain.exposure import Exposure, together
from services.notifier.handlers.standing import CaseReport, reports_on
from services.notifier.handlers.unit import Unit
from services.notifier.store import directives, figures
from services.notifier.store.figures import Figures
from services.notifier.store.figures_at import answers_due_at, figures_at
from services.notifier.store.past_clocks import clocks_at
from shared.ids import Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceReport:
    """The keys of this jurisdiction alone, and what the open directives that ask for something in it leave unmet."""

    jurisdiction: Jurisdiction
    withheld: int
    released: int
    unilateral_releases: int
    enforcements: dict[EnforcementState, int]
    next_due_at: datetime | None
    exposures: Sequence[Exposure]
    unknown: int


async def places_with_keys(unit: Unit) -> list[Jurisdiction]:
    return sorted((await figures.figures(unit.connection)).places)


async def report_places(unit: Unit, places: Sequence[Jurisdiction], *, as_of: datetime | None = None) -> list[PlaceReport]:
    """One report for each, as it stands or stood then; zeros where nothing is known."""
    asking = await directives.by_place(unit.connection, places)
    distinct = {each.id: each for found in asking.values() for each in found}
    cases = {case.directive.id: case for case in await reports_on(unit, list(distinct.values()), as_of=as_of)}
    by_place = {place: [cases[each.id] for each in asking[place] if each.id in cases] for place in places}
    if as_of is None:
        counted = await figures.figures(unit.connection, places)
        due = await figures.next_due(unit.connection, places)
    else:
        counted = await figures_at(unit.connection, places, as_of)
        due = await _next_due_at(unit, by_place, as_of)
    return [_report(place, counted, due.get(place), by_place[place]) for place in places]


async def _next_due_at(
    unit: Unit, cases: Mapping[Jurisdiction, Sequence[CaseReport]], at: datetime
) -> dict[Jurisdiction, datetime]:
    """What fell due next in each jurisdiction, as it had been recorded then: an answer of a point, or a clock."""
    due = await answers_due_at(unit.connection, list(cases), at)
    recorded = await clocks_at(unit.connection, {case.directive.id for found in cases.values() for case in found}, at)
    for place, found in cases.items():
        for clock in chain.from_iterable(recorded[case.directive.id].values() for case in found):
            if clock.alarmed and clock.state is ClockState.RUNNING:
                due[place] = min(due.get(place, clock.due_at), clock.due_at)
    return due


def _report(place: Jurisdiction, counted: Figures, next_due_at: datetime | None, cases: Iterable[CaseReport]) -> PlaceReport:
    return PlaceReport(
        jurisdiction=place,
        withheld=counted.states[place, WithholdingState.WITHHELD],
        released=counted.states[place, WithholdingState.RELEASED],
        unilateral_releases=counted.unilateral_releases[place],
        enforcements={state: counted.enforcements[place, state] for state in COUNTED},
        next_due_at=next_due_at,
        exposures=together(case.exposure for case in cases if case.exposure.open),
        unknown=counted.unknown[place],
    )
