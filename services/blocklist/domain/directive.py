"""A directive and its life, as a table. What the table does not list is refused, and the directive stays as it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from services.blocklist.domain.tally import Tally
from services.blocklist.domain.validity import COMPLETE, Verdict
from shared.ids import DirectiveId, Jurisdiction, Target

BLOCK, UNBLOCK = "block", "unblock"
OFFICIAL, INFORMAL = "official", "informal"
"""The channel that a request came by. An informal one is recorded, and no law sets it a clock."""


class DirectiveStatus(StrEnum):
    RECEIVED = "received"
    AWAITING_CLARIFICATION = "awaiting_clarification"
    REJECTED = "rejected"
    IN_FORCE = "in_force"
    STAYED = "stayed"
    RESCINDED = "rescinded"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    QUASHED = "quashed"
    INTERIM_LAPSED = "interim_lapsed"


class DirectiveFact(StrEnum):
    """What can happen to a directive.

    END_SOME ends some of its items finally while others stay open, whatever ends them; STAY_SOME leaves an item unstayed.
    UNSTAY takes back either stay: whatever it reaches, the directive is in force, in part or as a whole.
    """

    ACCEPT = "accept"
    ASK_CLARIFICATION = "ask_clarification"
    REJECT = "reject"
    DECIDE = "decide"
    RELEASE = "release"
    CONFIRM = "confirm"
    NOTICE = "notice"
    REPLY = "reply"
    END_SOME = "end_some"
    RESCIND = "rescind"
    EXPIRE = "expire"
    STAY = "stay"
    STAY_SOME = "stay_some"
    UNSTAY = "unstay"
    SUPERSEDE = "supersede"
    QUASH = "quash"
    LAPSE = "lapse"


_S, _F = DirectiveStatus, DirectiveFact

_WHILE_OPEN = {_F.RESCIND: _S.RESCINDED, _F.EXPIRE: _S.EXPIRED, _F.SUPERSEDE: _S.SUPERSEDED, _F.QUASH: _S.QUASHED,
               _F.LAPSE: _S.INTERIM_LAPSED}  # fmt: skip

TRANSITIONS: Mapping[DirectiveStatus, Mapping[DirectiveFact, DirectiveStatus]] = {
    _S.RECEIVED: {
        _F.ACCEPT: _S.IN_FORCE,
        _F.ASK_CLARIFICATION: _S.AWAITING_CLARIFICATION,
        _F.REJECT: _S.REJECTED,
    },
    _S.AWAITING_CLARIFICATION: {
        _F.ACCEPT: _S.IN_FORCE,
        _F.REJECT: _S.REJECTED,
        _F.NOTICE: _S.AWAITING_CLARIFICATION,
        _F.REPLY: _S.AWAITING_CLARIFICATION,
    },
    _S.IN_FORCE: {
        _F.DECIDE: _S.IN_FORCE,
        _F.RELEASE: _S.IN_FORCE,
        _F.CONFIRM: _S.IN_FORCE,
        _F.NOTICE: _S.IN_FORCE,
        _F.REPLY: _S.IN_FORCE,
        _F.END_SOME: _S.IN_FORCE,
        _F.STAY: _S.STAYED,
        _F.STAY_SOME: _S.IN_FORCE,
        _F.UNSTAY: _S.IN_FORCE,
        **_WHILE_OPEN,
    },
    _S.STAYED: {
        _F.DECIDE: _S.STAYED,
        _F.RELEASE: _S.STAYED,
        _F.CONFIRM: _S.STAYED,
        _F.NOTICE: _S.STAYED,
        _F.REPLY: _S.STAYED,
        _F.END_SOME: _S.STAYED,
        _F.UNSTAY: _S.IN_FORCE,
        **_WHILE_OPEN,
    },
    _S.REJECTED: {_F.REPLY: _S.REJECTED},
    _S.RESCINDED: {_F.REPLY: _S.RESCINDED},
    _S.SUPERSEDED: {_F.REPLY: _S.SUPERSEDED},
    _S.EXPIRED: {_F.REPLY: _S.EXPIRED},
    _S.QUASHED: {_F.REPLY: _S.QUASHED},
    _S.INTERIM_LAPSED: {_F.REPLY: _S.INTERIM_LAPSED},
}

ENDED = frozenset({_S.RESCINDED, _S.SUPERSEDED, _S.EXPIRED, _S.QUASHED, _S.INTERIM_LAPSED})
"""Was in force, and asks for nothing any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDirective:
    """An order as admitted: canonical, authorised, nothing stored yet. `targets` maps each to what was received for it."""

    id: DirectiveId
    authority: str
    reference: str
    legal_basis: str
    kind: str
    issued_at: datetime
    received_at: datetime
    requested_jurisdictions: tuple[str, ...]
    scope: tuple[Jurisdiction, ...]
    targets: Mapping[Target, list[Any]]
    reason: str | None
    due_at: datetime | None
    expires_at: datetime | None
    supplements: DirectiveId | None
    document: Mapping[str, Any] | None
    label: str
    comply_at_intake: bool
    interim: bool
    lapses_at: datetime | None = None
    supersedes: DirectiveId | None = None
    channel: str = OFFICIAL
    sealed: bool = False
    user_notice: str = "delayed"
    elements: Mapping[str, str] = field(default_factory=dict)
    unexamined: tuple[str, ...] = ()
    verdict: Verdict = COMPLETE

    @property
    def unblocks(self) -> bool:
        return self.kind == UNBLOCK

    @property
    def duplicates(self) -> int:
        return sum(len(received) for received in self.targets.values()) - len(self.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """A directive as it stands. `scope` is what was asked, groups expanded; decisions narrow it item by item, never this.

    `missing` are required elements that it lacks; `lapses_at` is when what is not confirmed of it ends, None if nothing will.
    """

    id: DirectiveId
    status: DirectiveStatus
    authority: str
    reference: str
    legal_basis: str
    label: str
    interim: bool
    scope: tuple[Jurisdiction, ...]
    issued_at: datetime
    received_at: datetime
    due_at: datetime | None
    expires_at: datetime | None
    confirmed_at: datetime | None
    revision: int
    tally: Tally
    kind: str = BLOCK
    lapses_at: datetime | None = None
    supersedes: DirectiveId | None = None
    channel: str = OFFICIAL
    sealed: bool = False
    missing: tuple[str, ...] = ()
    comply_at_intake: bool = False

    @property
    def unblocks(self) -> bool:
        """Whether it ends claims of its authority, and makes none."""
        return self.kind == UNBLOCK

    def run_out(self, now: datetime) -> DirectiveStatus | None:
        """How the calendar has ended it, from the very instant on; carried out a moment later. None while its time runs."""
        ends = ((self.expires_at, DirectiveStatus.EXPIRED), (self.lapses_at, DirectiveStatus.INTERIM_LAPSED))
        return next((status for end, status in ends if end is not None and end <= now), None)


@dataclass(frozen=True, slots=True)
class NoTransition:
    """The fact does not fit the state."""

    state: str
    fact: str

    def __str__(self) -> str:
        return f"{self.fact!r} is not possible while the state is {self.state!r}"


def step(status: DirectiveStatus, fact: DirectiveFact) -> DirectiveStatus | NoTransition:
    """The status after the fact, or why there is none."""
    return TRANSITIONS[status].get(fact) or NoTransition(status.value, fact.value)


def begun(order: NewDirective, status: DirectiveStatus, tally: Tally, missing: tuple[str, ...]) -> Directive:
    """The directive that an order makes, before its first event."""
    return Directive(
        id=order.id,
        status=status,
        authority=order.authority,
        reference=order.reference,
        legal_basis=order.legal_basis,
        label=order.label,
        interim=order.interim,
        scope=order.scope,
        issued_at=order.issued_at,
        received_at=order.received_at,
        due_at=order.due_at,
        expires_at=order.expires_at,
        confirmed_at=None,
        revision=0,
        tally=tally,
        kind=order.kind,
        lapses_at=order.lapses_at,
        supersedes=order.supersedes,
        channel=order.channel,
        sealed=order.sealed,
        missing=missing,
        comply_at_intake=order.comply_at_intake,
    )
