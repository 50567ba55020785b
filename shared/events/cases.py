"""What happens to a directive, as the directives topic tells it: one frozen dataclass per event type and major version.

Every event carries the directive as it stands after it, full counts included, so that a reader needs no other event to know it.
"""

from dataclasses import dataclass

from shared.events.fields import Canonical, Instant, Ordinal, Place
from shared.ids import DirectiveId

OFFICIAL = "official"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """A directive's items by state; `released` by cause. They always add up to `total`."""

    total: int
    undecided: int
    complied: int
    refused: int
    not_located: int
    withdrawn: int
    released: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEvent:
    """What every event of a directive carries: who, which revision, and the directive as it stands after it.

    `channel` is `informal` for a request that came outside the official way. `batch` names the write that caused the event, and
    `undoes` the batch that this one took back. `lapses_at` is when what is not confirmed of it ends, None if nothing will.
    """

    directive: DirectiveId
    revision: Ordinal
    jurisdictions: tuple[Place, ...]
    legal_basis: str
    status: str
    issued_at: Instant
    received_at: Instant
    due_at: Instant | None
    counts: Counts
    authority: str | None = None
    reference: str | None = None
    channel: str = OFFICIAL
    sealed: bool = False
    batch: str | None = None
    undoes: str | None = None
    lapses_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveReceived(CaseEvent):
    """`missing` are the required elements that the order lacks, when it is not in force because of them."""

    kind: str
    expires_at: Instant | None
    missing: tuple[str, ...] = ()
    supersedes: DirectiveId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveAccepted(CaseEvent):
    """An order that had to be clarified is in force. `waived` are elements that the platform does without."""

    waived: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveRejected(CaseEvent):
    """The order is not a valid one: what it lacks, or nothing if the platform has another reason."""

    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChanged:
    """One item as it stands.

    `jurisdictions` is where its claims stand; `unilateral` says that the platform restored part or all of it on its own decision
    and that this still stands; `suspended` that a stay suspends its claims; `ground` why it was refused.
    """

    target: Canonical
    decision: str
    jurisdictions: tuple[Place, ...]
    cause: str | None
    unilateral: bool = False
    ground: str | None = None
    suspended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveItems(CaseEvent):
    """Membership, in chunks of at most `ITEMS_PER_EVENT`: the items that changed, each in full."""

    items: tuple[ItemChanged, ...]


ITEMS_PER_EVENT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveDecided(CaseEvent):
    decision: str
    ground: str | None
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveConfirmed(CaseEvent):
    confirmed_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveNoticed(CaseEvent):
    """`supplied` are required elements that a clarification brought."""

    notice: str
    kind: str
    provision: str | None
    notice_received_at: Instant
    notice_due_at: Instant | None
    supplied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveReplied(CaseEvent):
    """`cause` and `impediment_ended_at` belong to an impossibility: why, and since when it is possible again."""

    reply: str
    kind: str
    sent_at: Instant
    cause: str | None = None
    impediment_ended_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveReleased(CaseEvent):
    """The platform ended claims of this directive: `cause` is `platform_decision`, `error` or `appeal`."""

    cause: str
    released: int
    ground: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveRescinded(CaseEvent):
    released: int
    withdrawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveExpired(CaseEvent):
    released: int
    withdrawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveLapsed(CaseEvent):
    """An interim order, or what of it was not confirmed, ended by itself."""

    released: int
    withdrawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveQuashed(CaseEvent):
    released: int
    withdrawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveSuperseded(CaseEvent):
    """The directive `by` took the place of this one, for the items that ended with it."""

    by: DirectiveId
    released: int
    withdrawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveStayed(CaseEvent):
    suspended: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveUnstayed(CaseEvent):
    restored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveAppealed(CaseEvent):
    """Somebody affected appealed on one item; `outcome` is `upheld` or `rejected` once there is one."""

    appeal: str
    target: Canonical
    outcome: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveInformed(CaseEvent):
    """Nothing is open any more of what users are to be told of this directive; the last was told, or waived, at `informed_at`."""

    informed_at: Instant
