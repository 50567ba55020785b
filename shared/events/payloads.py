"""What the events say: one frozen dataclass per event type and major version.

Within a version fields are only added, and only with a default: old records must stay readable for ever, and old readers must
be able to skip what they do not know. The golden files under `tests/contract/golden/` hold that.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta

from shared.events import cases, compliance
from shared.events.cases import CaseEvent
from shared.events.checkpoints import CheckpointMade, StateDigested
from shared.events.compliance import Finding
from shared.events.fields import Canonical, Instant, Ordinal, Place, Text
from shared.ids import DirectiveId, PointId, TargetType


@dataclass(frozen=True, slots=True, kw_only=True)
class WithholdingChanged:
    """The full new state of one key. `directives` are those that claim it, or those whose claims ended, when released."""

    target: Canonical
    target_type: TargetType
    jurisdiction: Place
    state: Literal["withheld", "released"]
    version: Ordinal
    cause: str | None
    directives: tuple[DirectiveId, ...]
    effective_at: Instant
    due_at: Instant | None
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcementReported:
    """What an enforcement point did with one version: `applied`, `failed` or `reverted`."""

    point: Annotated[PointId, Meta(pattern="^[a-z0-9][a-z0-9_.-]{0,63}$")]
    target: Canonical
    jurisdiction: Place
    version: Ordinal
    state: Literal["applied", "failed", "reverted"]
    at: Instant
    detail: Text | None = None


Payload = WithholdingChanged | CaseEvent | EnforcementReported | Finding | CheckpointMade | StateDigested

TYPES: dict[str, type[Payload]] = {
    "org.geowithhold.withholding.changed.v1": WithholdingChanged,
    "org.geowithhold.directive.received.v1": cases.DirectiveReceived,
    "org.geowithhold.directive.accepted.v1": cases.DirectiveAccepted,
    "org.geowithhold.directive.rejected.v1": cases.DirectiveRejected,
    "org.geowithhold.directive.items.v1": cases.DirectiveItems,
    "org.geowithhold.directive.decided.v1": cases.DirectiveDecided,
    "org.geowithhold.directive.confirmed.v1": cases.DirectiveConfirmed,
    "org.geowithhold.directive.noticed.v1": cases.DirectiveNoticed,
    "org.geowithhold.directive.replied.v1": cases.DirectiveReplied,
    "org.geowithhold.directive.appealed.v1": cases.DirectiveAppealed,
    "org.geowithhold.directive.informed.v1": cases.DirectiveInformed,
    "org.geowithhold.directive.released.v1": cases.DirectiveReleased,
    "org.geowithhold.directive.stayed.v1": cases.DirectiveStayed,
    "org.geowithhold.directive.unstayed.v1": cases.DirectiveUnstayed,
    "org.geowithhold.directive.rescinded.v1": cases.DirectiveRescinded,
    "org.geowithhold.directive.superseded.v1": cases.DirectiveSuperseded,
    "org.geowithhold.directive.expired.v1": cases.DirectiveExpired,
    "org.geowithhold.directive.quashed.v1": cases.DirectiveQuashed,
    "org.geowithhold.directive.lapsed.v1": cases.DirectiveLapsed,
    "org.geowithhold.enforcement.reported.v1": EnforcementReported,
    "org.geowithhold.clock.started.v1": compliance.ClockStarted,
    "org.geowithhold.clock.paused.v1": compliance.ClockPaused,
    "org.geowithhold.clock.resumed.v1": compliance.ClockResumed,
    "org.geowithhold.clock.extended.v1": compliance.ClockExtended,
    "org.geowithhold.clock.warned.v1": compliance.ClockWarned,
    "org.geowithhold.clock.breached.v1": compliance.ClockBreached,
    "org.geowithhold.clock.met.v1": compliance.ClockMet,
    "org.geowithhold.release.unilateral.v1": compliance.ReleasedUnilaterally,
    "org.geowithhold.case.incomplete.v1": compliance.CaseIncomplete,
    "org.geowithhold.history.incomplete.v1": compliance.HistoryIncomplete,
    "org.geowithhold.enforcement.overdue.v1": compliance.EnforcementOverdue,
    "org.geowithhold.enforcement.reverted.v1": compliance.EnforcementReverted,
    "org.geowithhold.state.diverged.v1": compliance.StateDiverged,
    "org.geowithhold.checkpoint.made.v1": CheckpointMade,
    "org.geowithhold.state.digested.v1": StateDigested,
}
"""Event type on the wire → what it decodes to. A type that is not here, and so any other major version, is quarantined."""

TYPE_OF: dict[type[Payload], str] = {payload: name for name, payload in TYPES.items()}

FINDING_TYPES = tuple(name for name, payload in TYPES.items() if issubclass(payload, Finding))
"""The types of the compliance topic: all that anybody can subscribe to."""
