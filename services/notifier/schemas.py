"""The HTTP models: what may be sent, and what is answered. Every field that may be sent has a limit."""

from datetime import UTC, datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BeforeValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema

from services.notifier.domain.clocks import ClockState, Duty, Trigger
from services.notifier.domain.compliance import Compliance
from services.notifier.domain.delivery import DeliveryState
from services.notifier.domain.enforcement import EnforcementState
from services.notifier.domain.quarantine import FreedBy, Outcome, RecordState, Verb
from services.notifier.domain.subscription import EVERYTHING, MAILBOX
from shared.events import FINDING_TYPES
from shared.http.fields import JsonTarget, Line, Model, Storable, Text, Time
from shared.ids import Jurisdiction, TargetType

MAX_REPORTS = 10_000

Code = Annotated[str, StringConstraints(min_length=1, max_length=10)]
POINT_NAME = r"^[a-z0-9][a-z0-9_.-]{0,63}$"
SUBSCRIPTION_NAME = POINT_NAME
PointName = Annotated[str, StringConstraints(pattern=POINT_NAME)]
Instant = Annotated[
    datetime, PlainSerializer(lambda value: value.astimezone(UTC).isoformat().replace("+00:00", "Z"), return_type=str)
]


class ReportIn(Model):
    target: JsonTarget
    jurisdiction: Code
    version: Annotated[int, Field(strict=True, ge=1, le=2**53)]
    state: Literal["applied", "failed", "reverted"]
    at: Time
    detail: Text | None = None


class AckIn(Model):
    point: PointName
    items: Annotated[list[ReportIn], Field(min_length=1, max_length=MAX_REPORTS)]


class AckOut(Model):
    """`ignored` are reports on older versions, and those that do not fit the state of the enforcement."""

    accepted: int
    ignored: int


class PointIn(Model):
    jurisdictions: Annotated[list[Code], Field(min_length=1, max_length=300)]
    target_types: Annotated[list[TargetType], Field(min_length=1, max_length=len(TargetType))] = Field(
        default_factory=lambda: list(TargetType)
    )
    ack_within_seconds: Annotated[int, Field(ge=1, le=30 * 24 * 60 * 60)] = 60


class PointOut(Model):
    """`jurisdictions` as registered; `expanded` with the members of groups."""

    id: str
    jurisdictions: list[str]
    expanded: list[Jurisdiction]
    target_types: list[TargetType]
    ack_within_seconds: int


class EnforcementOut(Model):
    """`unknown`: a record about the key could not be understood; nobody knows whether this is still the present version."""

    point: str
    target: str
    jurisdiction: str
    version: int
    state: EnforcementState
    since: Instant
    due_at: Instant | None
    applied_at: Instant | None
    reported_at: Instant | None
    detail: str | None
    unknown: bool


class UnmetOut(Model):
    """`what` is a duty whose time is up, `non_compliance` of which a notice speaks, or a `unilateral_release`."""

    what: str
    since: Instant


class ClauseOut(Model):
    """A penalty clause; amounts are in the smallest unit of the currency. `days` are the whole days since the first thing unmet.

    `accrued_minor` is null where the clause states no sum per day. `cited`: a notice of non-compliance named the clause.
    """

    provision: str
    maximum: str
    imprisonment_years_max: int | None
    turnover_percent_max: int | None
    fine_max_minor: int | None
    currency: str | None
    per_day: str | None
    per_day_minor: int | None
    days: int
    accrued_minor: int | None
    at_risk: list[str]
    cited: bool
    verified: bool
    source: str


class ExposureOut(Model):
    """What the legal basis threatens; not what anybody owes. `maximum` to `accrued_minor` are those of the first clause."""

    legal_basis: str
    maximum: str | None
    provision: str | None
    imprisonment_years_max: int | None
    unmet_items: int
    verified: bool
    source: str | None
    per_day_minor: int | None
    currency: str | None
    accrued_minor: int | None
    since: Instant | None
    unmet: list[UnmetOut]
    at_risk: list[str]
    clauses: list[ClauseOut]


class ClockOut(Model):
    """`due_at` of a paused clock is the time that held when it was paused; `left_seconds` is what it keeps."""

    duty: Duty
    state: ClockState
    trigger: Trigger
    starts_at: Instant
    due_at: Instant
    met_at: Instant | None
    breached_at: Instant | None
    verified: bool
    pausable: bool
    paused_at: Instant | None
    left_seconds: float | None
    warned: int
    source: str | None


class DueOut(ClockOut):
    """A clock, and whose it is."""

    directive: str
    jurisdictions: list[Jurisdiction]
    legal_basis: str


class ComplianceOut(Model):
    """`held` are the items with a key of which nobody knows how it stands, because of a record that could not be understood;
    `unknown` says so of the directive itself: all that is shown may be out of date.
    """

    directive: str
    status: Compliance
    directive_status: str
    specified: int
    withheld: int
    refused: int
    undecided: int
    not_located: int
    withdrawn: int
    released: dict[str, int]
    enforced: int
    pending: int
    overdue: int
    uncovered: int
    notices: int
    replies: int
    clocks: list[ClockOut]
    exposure: ExposureOut
    held: int
    unknown: bool


class JurisdictionExposureOut(Model):
    unmet_items: int
    by_legal_basis: list[ExposureOut]


class JurisdictionOut(Model):
    """A key of which nobody knows how it stands counts as `unknown`, and neither as withheld nor as released."""

    jurisdiction: Jurisdiction
    withheld: int
    released: int
    unilateral_releases: int
    enforcements: dict[EnforcementState, int]
    overdue: int
    next_due_at: Instant | None
    exposure: JurisdictionExposureOut
    unknown: int


EventTypes = Annotated[
    list[Annotated[str, StringConstraints(max_length=100)]],
    BeforeValidator(lambda value: [EVERYTHING] if value == EVERYTHING else value),
    Field(min_length=1, max_length=100),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": EVERYTHING},
                {"type": "array", "minItems": 1, "items": {"type": "string", "enum": list(FINDING_TYPES)}},
            ]
        }
    ),
]


class WebhookIn(Model):
    """Without a `secret` the one that the subscription has is kept, or one is made, and shown this once."""

    url: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    secret: Annotated[str, StringConstraints(max_length=100)] | None = None


class EmailIn(Model):
    to: Annotated[str, StringConstraints(max_length=320, pattern=MAILBOX)]


class ChannelIn(Model):
    """Exactly one of them."""

    webhook: WebhookIn | None = None
    email: EmailIn | None = None


class SubscriptionIn(Model):
    """`events` are types of the compliance topic, or `all`. A jurisdiction covers its parts; an empty list is refused.

    Findings that name a sealed directive are told with `sealed` alone, which takes the key of the platform if one is set.
    """

    jurisdictions: Annotated[list[Code], Field(min_length=1, max_length=300)]
    events: EventTypes = Field(default_factory=lambda: [EVERYTHING])
    channel: ChannelIn
    sealed: Annotated[bool, Field(strict=True)] = False


class WebhookOut(Model):
    """`secret` is shown in the answer to the request that made it, and never again."""

    url: str
    secret: str | None


class EmailOut(Model):
    to: str


class ChannelOut(Model):
    webhook: WebhookOut | None
    email: EmailOut | None


class SubscriptionOut(Model):
    id: str
    jurisdictions: list[str]
    expanded: list[Jurisdiction]
    events: list[str] | str
    channel: ChannelOut
    sealed: bool
    created_at: Instant
    changed_at: Instant


class DeliveryOut(Model):
    """`message` is the `webhook-id` that the subscriber gets: the delivery's own, or a digest's; null before the first try."""

    id: str
    message: str | None
    event: str
    type: str
    state: DeliveryState
    attempts: int
    created_at: Instant
    next_at: Instant | None
    sent_at: Instant | None
    error: str | None


class ReplyOut(Model):
    """`document` is where the reply is shown as a document."""

    id: str
    kind: str
    sent_at: Instant
    cause: str | None
    impediment_ended_at: Instant | None
    document: str


class QuarantineActIn(Model):
    """`by` is an unverified name, and recorded so."""

    by: Line
    memo: Text | None = None


class SkipIn(Model):
    approvers: Annotated[list[Line], Field(min_length=1, max_length=10)]
    memo: Annotated[str, StringConstraints(min_length=1, max_length=10_000, strip_whitespace=True), Storable]


class HeaderOut(Model):
    """`value` is the header's bytes in base64."""

    name: str
    value: str


class QuarantineActionOut(Model):
    at: Instant
    verb: Verb
    by: list[str]
    memo: str | None
    outcome: Outcome
    detail: str | None


class QuarantinedOut(Model):
    """`key` and `value` are the record's bytes in base64; a value of null is a tombstone. `headers` of null were not kept.

    `about` is the key or directive that it tells of, where that can be read; while it is `held` nobody knows how that stands.
    A `partition` and `offset` of -1 are those of an answer of the blocklist itself.
    """

    id: int
    topic: str
    partition: int
    offset: int
    reason: str
    key: str
    value: str | None
    at: Instant
    headers: list[HeaderOut] | None
    state: RecordState
    closed_at: Instant | None
    about: str | None
    held: bool
    freed_at: Instant | None
    freed_by: FreedBy | None
    actions: list[QuarantineActionOut]


T = TypeVar("T")


class Page(Model, Generic[T]):
    """A page of a list; `next` is the cursor of the page after it."""

    items: list[T]
    next: str | None
