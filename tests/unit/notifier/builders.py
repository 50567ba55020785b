"""Events and values, of which a call shows only what matters to the test."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from shared.events import (
    CaseEvent,
    CheckpointMade,
    Counts,
    DirectiveDecided,
    DirectiveFinding,
    DirectiveItems,
    DirectiveNoticed,
    DirectiveReceived,
    DirectiveReplied,
    DirectiveRescinded,
    EnforcementReported,
    ItemChanged,
    Payload,
    PlaceFinding,
    Record,
    StateDigested,
    WithholdingChanged,
    encode,
)
from shared.ids import DirectiveId, Jurisdiction, Key, PointId, Target, type_of

AT = datetime(2021, 1, 31, 6, 0, tzinfo=UTC)
DIRECTIVE = DirectiveId(f"dir_{1:032x}")
OTHER_DIRECTIVE = DirectiveId(f"dir_{2:032x}")
IN = Jurisdiction("IN")

CAUSES = ("rescinded", "superseded", "expired", "quashed", "stayed", "interim_lapsed", "error", "appeal", "platform_decision")


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def key(target: str = "account:a", jurisdiction: str = "IN") -> Key:
    return Key(Jurisdiction(jurisdiction), Target(target))


def withholding(
    target: str = "account:a",
    version: int = 1,
    *,
    jurisdiction: str = "IN",
    cause: str | None = None,
    effective_at: datetime = AT,
    label: str = "legal_demand",
) -> WithholdingChanged:
    """Odd versions withhold, even ones release, as they do when nothing is lost."""
    withheld = version % 2 == 1
    return WithholdingChanged(
        target=Target(target),
        target_type=type_of(Target(target)),
        jurisdiction=Jurisdiction(jurisdiction),
        state="withheld" if withheld else "released",
        version=version,
        cause=None if withheld else cause or "platform_decision",
        directives=(DIRECTIVE,),
        effective_at=effective_at,
        due_at=None,
        label=label,
    )


def report(
    target: str = "account:a",
    version: int = 1,
    state: Literal["applied", "failed", "reverted"] = "applied",
    *,
    point: str = "search",
    jurisdiction: str = "IN",
    at: datetime = AT,
    detail: str | None = None,
) -> EnforcementReported:
    return EnforcementReported(
        point=PointId(point),
        target=Target(target),
        jurisdiction=Jurisdiction(jurisdiction),
        version=version,
        state=state,
        at=at,
        detail=detail,
    )


def counts(*, released: dict[str, int] | None = None, **states: int) -> Counts:
    """Counts that add up, zero wherever nothing is said."""
    by_cause = dict.fromkeys(CAUSES, 0) | (released or {})
    named = dict.fromkeys(("undecided", "complied", "refused", "not_located", "withdrawn"), 0) | states
    return Counts(total=sum(named.values()) + sum(by_cause.values()), released=by_cause, **named)


def _case(directive: DirectiveId, revision: int, tally: Counts, **other: Any) -> dict[str, Any]:
    return {
        "directive": directive,
        "revision": revision,
        "jurisdictions": (IN,),
        "legal_basis": "in-it-act-69a",
        "status": "in_force",
        "issued_at": AT,
        "received_at": AT,
        "due_at": None,
        "counts": tally,
    } | other


def received(
    revision: int = 1, *, directive: DirectiveId = DIRECTIVE, tally: Counts | None = None, kind: str = "block", **other: Any
) -> DirectiveReceived:
    return DirectiveReceived(**_case(directive, revision, tally or counts(undecided=1), **other), kind=kind, expires_at=None)


def item(target: str = "account:a", decision: str = "complied", places: Iterable[str] = ("IN",), **other: Any) -> ItemChanged:
    live = tuple(map(Jurisdiction, places)) if decision == "complied" else ()
    changed = ItemChanged(target=Target(target), decision=decision, jurisdictions=live, cause=None)
    return replace(changed, **other)


def items(
    revision: int, *changed: ItemChanged, directive: DirectiveId = DIRECTIVE, tally: Counts | None = None, **other: Any
) -> DirectiveItems:
    return DirectiveItems(**_case(directive, revision, tally or counts(complied=len(changed)), **other), items=changed)


def decided(revision: int, *, tally: Counts, directive: DirectiveId = DIRECTIVE, **other: Any) -> DirectiveDecided:
    return DirectiveDecided(**_case(directive, revision, tally, **other), decision="comply", ground=None, changed=1)


def noticed(revision: int, *, kind: str = "non_compliance", tally: Counts | None = None, **other: Any) -> DirectiveNoticed:
    return DirectiveNoticed(
        **_case(DIRECTIVE, revision, tally or counts(complied=1), **other),
        notice=f"ntc_{revision}",
        kind=kind,
        provision="s.69A(3)",
        notice_received_at=AT,
        notice_due_at=None,
    )


def replied(revision: int, *, sent_at: datetime = AT, tally: Counts | None = None, **other: Any) -> DirectiveReplied:
    return DirectiveReplied(
        **_case(DIRECTIVE, revision, tally or counts(complied=1), **other),
        reply=f"rpl_{revision}",
        kind="acknowledgement",
        sent_at=sent_at,
    )


def rescinded(revision: int, *, tally: Counts, **other: Any) -> DirectiveRescinded:
    return DirectiveRescinded(**_case(DIRECTIVE, revision, tally, status="rescinded", **other), released=1, withdrawn=0)


def subject_of(data: Payload) -> str:
    if isinstance(data, CaseEvent | DirectiveFinding):
        return data.directive
    if isinstance(data, CheckpointMade):
        return str(data.partition)
    if isinstance(data, StateDigested | PlaceFinding):
        return data.jurisdiction
    return str(Key(data.jurisdiction, data.target))


def record(data: Payload, *, time: datetime = AT) -> Record:
    """As the contract puts it on Kafka."""
    return encode(data, id="1", source="/test", subject=subject_of(data), time=time)
