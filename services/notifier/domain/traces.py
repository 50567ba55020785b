"""What a directive left at the enforcement points, item by item, and the effect that follows from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.notifier.domain.case import Directive, Item
from services.notifier.domain.compliance import Effect
from services.notifier.domain.effect import Version, WithholdingState
from services.notifier.domain.enforcement import EnforcementState
from shared.ids import Jurisdiction, Key, PointId
from shared.jurisdictions import covers

COMPLIED = "complied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How one point stood to a version."""

    point: PointId
    state: EnforcementState
    applied_at: datetime | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A key at one version, with the answers of all points that had to apply it."""

    version: Version
    answers: tuple[Answer, ...]

    @property
    def withheld(self) -> bool:
        return self.version.state is WithholdingState.WITHHELD

    @property
    def applied(self) -> bool:
        """At every point that had to; what no point had to apply is applied nowhere."""
        return bool(self.answers) and all(each.state is EnforcementState.APPLIED for each in self.answers)

    @property
    def releasing(self) -> bool:
        """Whether it is a release that some point has not applied."""
        return not self.withheld and bool(self.answers) and not self.applied

    @property
    def overdue(self) -> bool:
        return any(each.state is EnforcementState.OVERDUE for each in self.answers)

    @property
    def applied_at(self) -> datetime | None:
        """When the last of the points that applied it did."""
        return latest(each.applied_at for each in self.answers)


Traces = Mapping[Key, Trace]
"""Keys that had a version, each at the one that was present."""


def effect_of(directive: Directive, items: Sequence[Item], traces: Traces) -> Effect:
    """The effect of a directive, of which these are the items, each once."""
    complied = [claims_of(item, traces) for item in items if item.decision == COMPLIED and not idle(item)]
    waiting = {key.target for key, trace in traces.items() if trace.releasing and concerns(directive, key.jurisdiction)}
    idling = sum(item.decision == COMPLIED and idle(item) and item.target not in waiting for item in items)
    releasing = _releasing(directive, traces)
    return Effect(
        enforced=sum(each.enforced for each in complied) + idling,
        met=sum(each.enforced and each.covers(directive) for each in complied) + idling,
        uncovered=sum(each.uncovered for each in complied),
        overdue=sum(each.overdue for each in complied) + sum(releasing.values()),
        releasing=len(releasing),
        unilateral=sum(item.unilateral for item in items),
        unilateral_at=min((item.changed_at for item in items if item.unilateral), default=None),
        decided_at=latest(item.changed_at for item in items),
        applied_at=latest(each.applied_at for each in complied),
    )


@dataclass(frozen=True, slots=True)
class Claims:
    """An item that is complied with, and what became of the keys that it claims; None where none is withheld."""

    item: Item
    traces: tuple[Trace | None, ...]

    @property
    def enforced(self) -> bool:
        return bool(self.traces) and all(trace is not None and trace.applied for trace in self.traces)

    @property
    def uncovered(self) -> bool:
        return any(trace is not None and not trace.answers for trace in self.traces)

    @property
    def overdue(self) -> bool:
        return any(trace is not None and trace.overdue for trace in self.traces)

    @property
    def applied_at(self) -> datetime | None:
        return latest(trace.applied_at for trace in self.traces if trace is not None)

    def covers(self, directive: Directive) -> bool:
        """Whether it is claimed in all that was asked."""
        return directive.scope <= set(self.item.jurisdictions)


def claims_of(item: Item, traces: Traces) -> Claims:
    """What became of the keys that an item claims."""
    found = (traces.get(Key(place, item.target)) for place in item.jurisdictions)
    return Claims(item, tuple(trace if trace and trace.withheld else None for trace in found))


def _releasing(directive: Directive, traces: Traces) -> dict[str, bool]:
    """Targets with a release that ended a claim of the directive and that a point has not applied, and whether one is overdue."""
    found: dict[str, bool] = {}
    for key, trace in traces.items():
        if trace.releasing and directive.id in trace.version.directives:
            found[key.target] = found.get(key.target, False) or trace.overdue
    return found


def idle(item: Item) -> bool:
    """Whether it claims nothing, or nothing that counts: of an `unblock` directive, or stayed."""
    return item.suspended or not item.jurisdictions


def concerns(directive: Directive, place: Jurisdiction) -> bool:
    """Whether the place is, or lies in, one for which the directive asks something."""
    return any(covers(asked, place) for asked in directive.scope)


def latest(instants: Iterable[datetime | None]) -> datetime | None:
    return max((instant for instant in instants if instant is not None), default=None)
