"""Admission: what was sent is checked against the registry and the calendar, and becomes a command or a refusal.

Promises: whatever is admitted is canonical and within the authority's reach, every target and jurisdiction of it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from services.blocklist.api import lawful
from services.blocklist.domain.batch import BatchId, four_eyes
from services.blocklist.domain.causes import BY_PLATFORM, Cause
from services.blocklist.domain.directive import NewDirective
from services.blocklist.domain.item import Decision
from services.blocklist.domain.selection import Selection
from services.blocklist.handlers.decide import Decide
from services.blocklist.handlers.release import Release
from services.blocklist.handlers.undo import Undo
from services.blocklist.schemas import DecisionIn, DirectiveIn, ReleaseIn, UndoIn
from shared.http.fields import read_jurisdictions, read_targets
from shared.http.problems import Fault, Kind, Refusal, invalid
from shared.ids import DirectiveId, Target
from shared.registry import Authority, LegalBasis, Registry
from shared.targets import PlatformPatterns


def new_id(prefix: str) -> str:
    return f"{prefix}_{uuid4().hex}"


def admit(sent: DirectiveIn, *, registry: Registry, platform: PlatformPatterns, now: datetime) -> NewDirective:
    """The order, ready to be stored. Raises Refusal naming the field at fault."""
    authority, basis = _cited(sent, registry)
    received_at = sent.received_at or now
    _check_times(sent, received_at, now)
    scope = read_jurisdictions(sent.jurisdictions)
    _check_reach(authority, sent.jurisdictions)
    law = lawful.terms(sent, basis, received_at, now)
    targets = _collapsed(sent.targets, read_targets(sent.targets, platform))
    return NewDirective(
        id=DirectiveId(new_id("dir")),
        authority=authority.id,
        reference=sent.reference,
        legal_basis=basis.id,
        kind=sent.kind,
        issued_at=sent.issued_at,
        received_at=received_at,
        requested_jurisdictions=tuple(dict.fromkeys(sent.jurisdictions)),
        scope=scope,
        targets=targets,
        reason=sent.reason,
        due_at=law.due_at,
        expires_at=sent.expires_at,
        supplements=DirectiveId(sent.supplements) if sent.supplements else None,
        supersedes=DirectiveId(sent.supersedes) if sent.supersedes else None,
        document=sent.document.model_dump() if sent.document else None,
        label=basis.label.value,
        user_notice=basis.user_notice.value,
        comply_at_intake=law.comply_at_intake,
        interim=law.interim,
        lapses_at=law.lapses_at,
        channel=sent.channel,
        sealed=sent.sealed,
        elements={element.value: text for element, text in (sent.elements or {}).items()},
        unexamined=tuple(element.value for element in lawful.unexamined(sent, basis)),
        verdict=lawful.judged(sent, targets, basis),
    )


def admit_decision(id_: DirectiveId, sent: DecisionIn, platform: PlatformPatterns) -> Decide:
    if sent.decision is Decision.REFUSE and sent.ground is None:
        raise invalid("a refusal needs a ground", "/ground")
    if sent.decision is not Decision.COMPLY and sent.jurisdictions is not None:
        raise invalid("only `comply` has a scope", "/jurisdictions")
    return Decide(
        directive=id_,
        decision=sent.decision,
        ground=sent.ground.value if sent.ground else None,
        selection=read_selection(sent.targets, platform),
        scope=read_jurisdictions(sent.jurisdictions) if sent.jurisdictions else None,
        memo=sent.memo,
    )


def admit_release(sent: ReleaseIn, platform: PlatformPatterns) -> Release:
    if sent.cause not in BY_PLATFORM:
        allowed = ", ".join(sorted(BY_PLATFORM))
        raise invalid(
            f"{sent.cause.value} is an act of an authority, a court or the calendar; a release takes {allowed}", "/cause"
        )
    if sent.directive is None and sent.targets == "all":
        raise invalid("a release of every directive's claims names its targets", "/targets")
    if sent.cause is Cause.PLATFORM_DECISION:
        said("a unilateral release", sent.memo)
        check_four_eyes("a unilateral release", sent.approvers)
    return Release(
        cause=sent.cause,
        directive=DirectiveId(sent.directive) if sent.directive else None,
        selection=read_selection(sent.targets, platform),
        scope=read_jurisdictions(sent.jurisdictions),
        memo=sent.memo,
        approvers=tuple(sent.approvers),
        ground=sent.ground.value if sent.ground else None,
    )


def admit_undo(id_: BatchId, sent: UndoIn) -> Undo:
    return Undo(batch=id_, memo=said("taking a batch back", sent.memo), approvers=tuple(sent.approvers))


def said(what: str, memo: str | None) -> str:
    """The memo, which says something. Raises Refusal if it does not."""
    if not (memo and memo.strip()):
        raise invalid(f"{what} needs a memo", "/memo")
    return memo


def check_four_eyes(what: str, approvers: Sequence[str]) -> None:
    if not four_eyes(approvers):
        raise invalid(f"{what} needs two different approvers", "/approvers")


def read_selection(sent: Any, platform: PlatformPatterns) -> Selection:
    """A keyword as it is, or the named targets, each in the place where it was named."""
    return sent if sent in ("all", "undecided") else tuple(read_targets(sent, platform))


def check_not_future(name: str, value: datetime, now: datetime) -> None:
    if value > now:
        raise invalid(f"{name} lies in the future", f"/{name}")


def refuse_expired(order: NewDirective, now: datetime) -> None:
    """Asked when an order is carried out, not when it is read: the stored answer to a repeated request outlives its order."""
    if order.expires_at and order.expires_at <= now:
        raise invalid("the order has expired already", "/expires_at")


def _cited(sent: DirectiveIn, registry: Registry) -> tuple[Authority, LegalBasis]:
    """Who orders, and the version of the law in force on the day of issue, which judges the order for ever."""
    authority = registry.authorities.get(sent.authority)
    if authority is None:
        raise invalid(f"there is no authority {sent.authority!r}", "/authority")
    regime = registry.legal_bases.get(sent.legal_basis)
    if regime is None:
        raise invalid(f"there is no legal basis {sent.legal_basis!r}", "/legal_basis")
    if regime.id not in authority.legal_bases:
        raise invalid(f"{authority.id} may not order under {regime.id}", "/legal_basis")
    basis = registry.basis(regime.id, sent.issued_at)
    if basis is None:
        day = sent.issued_at.astimezone(UTC).date()
        detail = f"{regime.id} was not in force on {day}, when the order was issued: it is in force {regime.validity}"
        raise invalid(detail, "/legal_basis")
    return authority, basis


def _check_times(sent: DirectiveIn, received_at: datetime, now: datetime) -> None:
    check_not_future("issued_at", sent.issued_at, now)
    check_not_future("received_at", received_at, now)
    if received_at < sent.issued_at:
        raise invalid("an order cannot be received before it was issued", "/received_at")
    if sent.due_at and sent.due_at < sent.issued_at:
        raise invalid("an order cannot be due before it was issued", "/due_at")


def _check_reach(authority: Authority, asked: Sequence[str]) -> None:
    """Raises Refusal for the first code that names a place outside the authority's own jurisdiction."""
    for index, code in enumerate(asked):
        beyond = [place for place in read_jurisdictions([code]) if not authority.reaches(place)]
        if beyond:
            detail = f"{authority.id} has no power in {beyond[0]}: its jurisdiction is {authority.jurisdiction}"
            raise Refusal(Kind.FORBIDDEN_SCOPE, detail, (Fault(detail, pointer=f"/jurisdictions/{index}"),))


def _collapsed(sent: Sequence[Any], canonical: Sequence[Target]) -> Mapping[Target, list[Any]]:
    """Each target once, with everything that was received for it, in the order of the notice."""
    received: dict[Target, list[Any]] = {}
    for raw, target in zip(sent, canonical, strict=True):
        received.setdefault(target, []).append(raw)
    return received
