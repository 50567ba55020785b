"""How a directive stands: one pure function of what its items, their enforcement and its clocks say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.notifier.domain.clocks import ClockState

CAUSES = (
    "rescinded",
    "superseded",
    "expired",
    "quashed",
    "stayed",
    "interim_lapsed",
    "error",
    "appeal",
    "platform_decision",
)
FINAL_CAUSES = frozenset({"rescinded", "superseded", "expired", "quashed", "interim_lapsed"})
UNILATERAL = "platform_decision"
FINAL_STATUSES = frozenset({"rejected", "rescinded", "superseded", "expired", "quashed", "interim_lapsed"})
NOT_BINDING = FINAL_STATUSES | {"received", "awaiting_clarification", "stayed"}
"""While a directive has one of these nothing can be held against the platform: it has ended, or is not or no longer in force."""

NON_COMPLIANCE = "non_compliance"
"""The notice by which an authority says that it is not content."""


class Compliance(StrEnum):
    CLOSED = "closed"
    NON_COMPLIANT = "non_compliant"
    OVERDUE = "overdue"
    PENDING = "pending"
    PARTIAL = "partial"
    COMPLIED = "complied"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemCounts:
    """A directive's items by state, as its last event counted them."""

    total: int
    undecided: int
    complied: int
    refused: int
    not_located: int
    withdrawn: int
    released: Mapping[str, int]

    @property
    def ended_finally(self) -> int:
        return self.withdrawn + sum(count for cause, count in self.released.items() if cause in FINAL_CAUSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What became of a directive's items at the enforcement points, in numbers of items.

    `enforced` are applied wherever they are claimed, at every matching point; `met` those of them that are claimed in all that
    was asked; `uncovered` have a claim that no point matches; `releasing` wait for a point to apply their release. `decided_at`
    and `applied_at` are the last instants of either kind, `unilateral_at` is the first of the unilateral releases that stand.
    """

    enforced: int = 0
    met: int = 0
    uncovered: int = 0
    overdue: int = 0
    releasing: int = 0
    unilateral: int = 0
    unilateral_at: datetime | None = None
    decided_at: datetime | None = None
    applied_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All that the status of a directive follows from."""

    status: str
    counts: ItemCounts
    effect: Effect
    non_compliance_noticed: bool
    clocks: tuple[ClockState, ...]

    @property
    def closed(self) -> bool:
        return self.status in FINAL_STATUSES

    @property
    def settled_at(self) -> datetime | None:
        """When the last item was decided and applied; None while one is not."""
        if self.counts.undecided or self.pending:
            return None
        instants = (self.effect.decided_at, self.effect.applied_at)
        return max((instant for instant in instants if instant is not None), default=None)

    @property
    def pending(self) -> int:
        """Items complied with that are not enforced everywhere. Counts and items may come apart for the moment between events."""
        return max(self.counts.complied - self.effect.enforced, 0)

    @property
    def unmet(self) -> int:
        """Items neither complied with in full and applied, nor ended finally: what an authority can still hold against us."""
        binding = self.status not in NOT_BINDING
        return max(self.counts.total - self.counts.ended_finally - self.effect.met, 0) if binding else 0


def compliance(standing: Standing) -> Compliance:
    """The first that fits, in the order of the words."""
    counts, effect = standing.counts, standing.effect
    if standing.closed:
        return Compliance.CLOSED
    if effect.unilateral or (standing.non_compliance_noticed and standing.unmet):
        return Compliance.NON_COMPLIANT
    if ClockState.BREACHED in standing.clocks:
        return Compliance.OVERDUE
    if counts.undecided or standing.pending or effect.releasing:
        return Compliance.PENDING
    if counts.refused or counts.not_located:
        return Compliance.PARTIAL
    return Compliance.COMPLIED
