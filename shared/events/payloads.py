"""What the events say: one frozen dataclass per event type and major version.

Within a version fields are only added, and only with a default: old records must stay readable for ever, and old readers must
be able to skip what they do not know. The golden files under `tests/contract/golden/` hold that.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from shared.ids import DirectiveId, Jurisdiction, PointId, Target, TargetType

Instant = Annotated[datetime, Meta(tz=True)]
Ordinal = Annotated[int, Meta(ge=1, le=2**53)]
"""Versions and revisions: they start at 1, and every JSON reader can hold them."""
Place = Annotated[Jurisdiction, Meta(pattern="^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
Canonical = Annotated[Target, Meta(pattern="^(account|post|hashtag|url):.", max_length=2100)]
Text = Annotated[str, Meta(max_length=10_000)]


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
    """What every event of a directive carries: who, which revision, and the directive as it stands after it."""

    directive: DirectiveId
    revision: Ordinal
    jurisdictions: tuple[Place, ...]
    legal_basis: str
    status: str
    issued_at: Instant
    received_at: Instant
    due_at: Instant | None
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveReceived(CaseEvent):
    kind: str
    expires_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChanged:
    """One item as it stands. `jurisdictions` is where its claims are live; `unilateral` says that the platform restored part or
    all of it on its own decision and that this still stands."""

    target: Canonical
    decision: str
    jurisdictions: tuple[Place, ...]
    cause: str | None
    unilateral: bool = False


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
    notice: str
    kind: str
    provision: str | None
    notice_received_at: Instant
    notice_due_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveReplied(CaseEvent):
    reply: str
    kind: str
    sent_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveReleased(CaseEvent):
    """The platform ended claims of this directive: `cause` is `platform_decision`, `error` or `appeal`."""

    cause: str
    released: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveRescinded(CaseEvent):
    released: int
    withdrawn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveExpired(CaseEvent):
    released: int
    withdrawn: int


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


Payload = WithholdingChanged | CaseEvent | EnforcementReported

TYPES: dict[str, type[Payload]] = {
    "org.geowithhold.withholding.changed.v1": WithholdingChanged,
    "org.geowithhold.directive.received.v1": DirectiveReceived,
    "org.geowithhold.directive.items.v1": DirectiveItems,
    "org.geowithhold.directive.decided.v1": DirectiveDecided,
    "org.geowithhold.directive.confirmed.v1": DirectiveConfirmed,
    "org.geowithhold.directive.noticed.v1": DirectiveNoticed,
    "org.geowithhold.directive.replied.v1": DirectiveReplied,
    "org.geowithhold.directive.released.v1": DirectiveReleased,
    "org.geowithhold.directive.rescinded.v1": DirectiveRescinded,
    "org.geowithhold.directive.expired.v1": DirectiveExpired,
    "org.geowithhold.enforcement.reported.v1": EnforcementReported,
}
"""Event type on the wire → what it decodes to. A type that is not here, and so any other major version, is quarantined."""

TYPE_OF: dict[type[Payload], str] = {payload: name for name, payload in TYPES.items()}
