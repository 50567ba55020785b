"""What was done about each item of a directive, and when: the lines of a report to whoever ordered it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.notifier.domain.case import Directive, Item
from services.notifier.domain.traces import COMPLIED, Claims, Traces, claims_of, concerns, idle, latest
from shared.ids import Jurisdiction, Target


class Outcome(StrEnum):
    """GIVEN: applied wherever it was decided, at every point that has to. SUSPENDED: complied with, and stayed by a court."""

    GIVEN = "effect_given"
    NOT_YET = "decided_not_yet_applied"
    SUSPENDED = "suspended"
    ENDED = "ended"
    REFUSED = "refused"
    NOT_LOCATED = "not_located"
    WITHDRAWN = "withdrawn"
    UNDECIDED = "undecided"


_OF_DECISION = {
    "released": Outcome.ENDED,
    "refused": Outcome.REFUSED,
    "not_located": Outcome.NOT_LOCATED,
    "withdrawn": Outcome.WITHDRAWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item. `at` is when effect was given, or since when it is as it is; `places` where it is claimed."""

    target: Target
    outcome: Outcome
    at: datetime | None
    places: tuple[Jurisdiction, ...] = ()
    ground: str | None = None
    cause: str | None = None

    @property
    def given(self) -> bool:
        return self.outcome is Outcome.GIVEN


def lines_of(directive: Directive, told: Mapping[Target, Sequence[Item]], traces: Traces) -> list[Line]:
    """One line for each item, in the order of targets. `told` is what was told of each, in the order of revisions."""
    return [_line(directive, states, traces) for _, states in sorted(told.items())]


def complied_since(states: Sequence[Item]) -> datetime:
    """When the last item of these came to be complied with, without a break since."""
    since = states[-1].changed_at
    for state in reversed(states):
        if state.decision != COMPLIED or state.suspended != states[-1].suspended:
            break
        since = state.changed_at
    return since


def _line(directive: Directive, states: Sequence[Item], traces: Traces) -> Line:
    item = states[-1]
    if item.decision != COMPLIED:
        outcome = _OF_DECISION.get(item.decision, Outcome.UNDECIDED)
        at = None if outcome is Outcome.UNDECIDED else item.changed_at
        return Line(target=item.target, outcome=outcome, at=at, ground=item.ground, cause=item.cause)
    since = complied_since(states)
    if item.suspended:
        return Line(target=item.target, outcome=Outcome.SUSPENDED, at=since, places=item.jurisdictions)
    applied = _lifted(directive, item, traces, since) if idle(item) else _enforced(claims_of(item, traces), since)
    outcome = Outcome.NOT_YET if applied is None else Outcome.GIVEN
    return Line(target=item.target, outcome=outcome, at=applied, places=item.jurisdictions)


def _enforced(claims: Claims, since: datetime) -> datetime | None:
    """What was applied for another directive already takes effect for this one with its decision."""
    return latest([claims.applied_at, since]) if claims.enforced else None


def _lifted(directive: Directive, item: Item, traces: Traces, since: datetime) -> datetime | None:
    """When the last release on the target was applied in what the directive asks for; None while one is not."""
    releases = [
        trace
        for key, trace in traces.items()
        if key.target == item.target and not trace.withheld and concerns(directive, key.jurisdiction)
    ]
    if any(trace.releasing for trace in releases):
        return None
    return latest([since, *(trace.applied_at for trace in releases)])
