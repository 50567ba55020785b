"""How jurisdictions stand. Reads only."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.notifier.domain.effect import WithholdingState
from services.notifier.domain.enforcement import COUNTED, EnforcementState
from services.notifier.domain.exposure import Exposure, together
from services.notifier.handlers.standing import CaseReport, reports_on
from services.notifier.handlers.unit import Unit
from services.notifier.store import directives, figures
from services.notifier.store.figures import Figures
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


async def places_with_keys(unit: Unit) -> list[Jurisdiction]:
    return sorted((await figures.figures(unit.connection)).places)


async def report_places(unit: Unit, places: Sequence[Jurisdiction]) -> list[PlaceReport]:
    """One report for each, zeros where nothing is known."""
    counted = await figures.figures(unit.connection, places)
    due = await figures.next_due(unit.connection, places)
    asking = await directives.by_place(unit.connection, places)
    cases = await reports_on(unit, list({each.id: each for found in asking.values() for each in found}.values()))
    by_id = {case.directive.id: case for case in cases}
    return [_report(place, counted, due.get(place), [by_id[each.id] for each in asking[place]]) for place in places]


def _report(place: Jurisdiction, counted: Figures, next_due_at: datetime | None, cases: Iterable[CaseReport]) -> PlaceReport:
    return PlaceReport(
        jurisdiction=place,
        withheld=counted.states[place, WithholdingState.WITHHELD],
        released=counted.states[place, WithholdingState.RELEASED],
        unilateral_releases=counted.unilateral_releases[place],
        enforcements={state: counted.enforcements[place, state] for state in COUNTED},
        next_due_at=next_due_at,
        exposures=together(case.exposure for case in cases if case.exposure.open),
    )
