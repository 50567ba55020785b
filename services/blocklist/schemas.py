"""The HTTP models: what may be sent. Every field has a limit; one whose feature does not exist yet is refused at intake."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from services.blocklist.domain.appeal import AppealOutcome
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import Decision
from shared.http.fields import MAX_TARGETS, JsonTarget, Line, Model, Storable, Text, Time
from shared.registry import Element


class Ground(StrEnum):
    """Why an item is refused, or restored while its directive stands."""

    NEWS_MEDIA = "news_media"
    JOURNALIST = "journalist"
    ACTIVIST = "activist"
    POLITICIAN = "politician"
    PROTECTED_EXPRESSION = "protected_expression"
    OUT_OF_SCOPE = "out_of_scope"
    OVERBROAD = "overbroad"
    NOT_UNLAWFUL = "not_unlawful"
    INVALID_ORDER = "invalid_order"
    OTHER = "other"


Code = Annotated[str, StringConstraints(min_length=1, max_length=10)]
Flag = Annotated[bool, Field(strict=True)]
Codes = Annotated[list[Code], Field(min_length=1, max_length=300)]
Targets = Annotated[list[JsonTarget], Field(min_length=1, max_length=MAX_TARGETS)]
Approvers = Annotated[list[Line], Field(max_length=10)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]


Memo = Annotated[Text, StringConstraints(pattern=r"\S")]
"""Why something was done, where that must be said."""


class WriteIn(Model):
    """What every write may be sent with: `dry_run` asks what it would do, `confirm_count` says how many items it may change."""

    dry_run: Flag = False
    confirm_count: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] | None = None


class DocumentIn(Model):
    """The order as a document: its hash, and where it is kept. The service never fetches it."""

    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    uri: Annotated[str, StringConstraints(min_length=1, max_length=2048), Storable]


Elements = dict[Element, Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True), Storable]]
"""Elements of a valid order that no other field carries, each with its text."""


class DirectiveIn(WriteIn):
    authority: Id
    reference: Line
    legal_basis: Id
    kind: Literal["block", "unblock"]
    issued_at: Time
    received_at: Time | None = None
    jurisdictions: Codes
    targets: Targets
    reason: Text | None = None
    due_at: Time | None = None
    expires_at: Time | None = None
    supplements: Id | None = None
    supersedes: Id | None = None
    channel: Literal["official", "informal"] = "official"
    sealed: Flag = False
    document: DocumentIn | None = None
    elements: Elements | None = None


def _keyword_or_targets(value: Any, *keywords: str) -> Any:
    if isinstance(value, list):
        if not 1 <= len(value) <= MAX_TARGETS:
            raise ValueError(f"name 1 to {MAX_TARGETS} targets")
        return value
    if value in keywords:
        return value
    raise ValueError(f"a list of targets, or one of {', '.join(keywords)}")


AllOrTargets = Annotated[Any, AfterValidator(lambda value: _keyword_or_targets(value, "all"))]
AnySelection = Annotated[Any, AfterValidator(lambda value: _keyword_or_targets(value, "all", "undecided"))]


class DecisionIn(WriteIn):
    decision: Decision
    ground: Ground | None = None
    targets: AnySelection
    jurisdictions: Codes | None = None
    memo: Text | None = None


class ReleaseIn(WriteIn):
    cause: Cause
    directive: Id | None = None
    targets: AllOrTargets
    jurisdictions: Codes
    memo: Text | None = None
    approvers: Approvers = Field(default_factory=list)
    ground: Ground | None = None


class RescindIn(WriteIn):
    targets: AllOrTargets
    memo: Text | None = None


class ActIn(RescindIn):
    """A court's act."""

    court: Line | None = None


class UndoIn(WriteIn):
    memo: Text
    approvers: Approvers = Field(default_factory=list)


class SupersedeIn(WriteIn):
    by: Id
    memo: Text | None = None


class StopIn(WriteIn):
    by: Line
    memo: Text


class ResumeIn(WriteIn):
    memo: Text
    approvers: Approvers = Field(default_factory=list)


class ConfirmIn(WriteIn):
    targets: AllOrTargets = "all"
    memo: Text | None = None


class NoticeIn(WriteIn):
    kind: Literal["non_compliance", "reminder", "clarification", "hearing"]
    issued_at: Time
    received_at: Time | None = None
    provision: Line | None = None
    text: Text | None = None
    due_at: Time | None = None
    elements: Elements = Field(default_factory=dict)


class AcceptIn(WriteIn):
    memo: Text | None = None


class RejectIn(WriteIn):
    memo: Text


class ReplyIn(WriteIn):
    kind: Literal["acknowledgement", "effect_report", "impossibility", "clarification_request", "dialogue_request"]
    text: Text | None = None
    sent_at: Time | None = None
    cause: Literal["force_majeure", "manifest_errors", "insufficient_information"] | None = None
    impediment_ended_at: Time | None = None


class SentIn(WriteIn):
    at: Time | None = None
    channel: Line
    memo: Text | None = None


class WaiveIn(WriteIn):
    memo: Memo


class AppealIn(WriteIn):
    directive: Id
    target: JsonTarget
    text: Annotated[Text, StringConstraints(min_length=1)]
    received_at: Time | None = None


class OutcomeIn(WriteIn):
    outcome: AppealOutcome
    memo: Memo
    approvers: Approvers = Field(default_factory=list)


class ReplayIn(Model):
    """What is to be published again: one of these, a topic with one of its partitions."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=2200), Storable] | None = None
    directive: Id | None = None
    jurisdiction: Code | None = None
    topic: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    partition: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)] | None = None
    everything: Flag = False
    dry_run: Flag = False


class CheckIn(Model):
    jurisdiction: Code
    targets: Annotated[list[JsonTarget], Field(min_length=1, max_length=MAX_TARGETS)]
