"""Decisions as statements of reasons for the DSA Transparency Database.

A withholding in a country is content disabled there, whatever its target: an account that is withheld in one country is not
suspended. The database has no route to change or take back a statement, so what was released cannot be told there.

Orders under Article 9 of the DSA are outside Article 17 and do not go in. A removal order under Regulation (EU) 2021/784 rests on
Article 3 of that regulation, has its own feedback form, and is taken here as an order outside Article 9.

No field holds a handle, a text of the order, or anything else about a person. The day on which content was made is not known
here; `content_date` is the day of the order, on which it existed at the latest.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from services.blocklist.domain.item import Item
from services.blocklist.exports.dsa import FIRST_CONTENT, ILLEGAL, MAX_LINE, TERRITORIES, Fault, faults_of
from services.blocklist.exports.order import Inexpressible, Order, Reason, secrecy
from shared.ids import Jurisdiction, Target, TargetType, type_of
from shared.jurisdictions import covers
from shared.registry import Intake

Document = dict[str, Any]

_ARTICLE_9 = re.compile(r"\bArt(?:icle|\.)?\s*9(?!\d)", re.IGNORECASE)
_DSA = "2022/2065"
_EEA = frozenset(map(Jurisdiction, TERRITORIES))
_KINDS = {
    TargetType.ACCOUNT: "account",
    TargetType.POST: "post",
    TargetType.HASHTAG: "hashtag",
    TargetType.URL: "web page",
}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An item that is complied with and cannot be told as a statement: why, in a word."""

    reason: str


def dsa_obstacle(order: Order, permission: str | None) -> Inexpressible | None:
    """Why no decision on the directive can become a statement; None if decisions can."""
    if order.kind != "block":
        return Inexpressible(
            Reason.UNBLOCK, "the database has no route to change or take back a statement: unblocks cannot be told"
        )
    if order.channel == "informal":
        return Inexpressible(Reason.INFORMAL, "an informal request is no order, and no ground of a statement")
    if is_under_article_9(order):
        return Inexpressible(Reason.ARTICLE_9, "orders under Article 9 of the DSA are outside Article 17: no statement is due")
    if not any(place in _EEA for place in order.scope):
        asked = ", ".join(order.scope)
        why = f"a statement's territory is a state of the European Economic Area; the directive reaches {asked}"
        return Inexpressible(Reason.OUTSIDE_EEA, why)
    if order.issued_at.date() < FIRST_CONTENT:
        return Inexpressible(Reason.CONTENT_DATE, f"the database takes no content from before {FIRST_CONTENT}")
    return secrecy(order, permission)


def is_under_article_9(order: Order) -> bool:
    return _DSA in order.basis.instrument and _ARTICLE_9.search(order.basis.section) is not None


def statement_of(order: Order, item: Item, decided_at: datetime) -> Document | LeftOut:
    """The statement about an item that is complied with, of a directive that has no obstacle."""
    places = _territory(item)
    match places:
        case LeftOut():
            return places
        case tuple():
            statement = _statement(order, item.target, places, decided_at)
        case _:
            assert_never(places)
    faults = faults_of(statement)
    return LeftOut(_named(faults[0])) if faults else statement


def puid_of(directive: str, target: Target) -> str:
    """One for each decision: the directive's id, and a hash that shows nothing of the target."""
    return f"{directive}-{hashlib.sha256(f'{directive}/{target}'.encode()).hexdigest()[:40]}"


def _territory(item: Item) -> tuple[str, ...] | LeftOut:
    """Where the item is withheld, as far as it can be said without saying more than is true."""
    if not item.live:
        return LeftOut("suspended")
    states = tuple(sorted(place for place in item.live if place in _EEA))
    if states:
        return states
    inside = any(covers(state, place) for place in item.live for state in _EEA)
    return LeftOut("part_of_a_state" if inside else "outside_eea")


def _statement(order: Order, target: Target, places: tuple[str, ...], decided_at: datetime) -> Document:
    kind, law, where = _KINDS[type_of(target)], order.cited, ", ".join(places)
    statement: Document = {
        "decision_visibility": ["DECISION_VISIBILITY_CONTENT_DISABLED"],
        "decision_ground": ILLEGAL,
        "illegal_content_legal_ground": law[:MAX_LINE],
        "illegal_content_explanation": f"A public authority ordered under {law} ({order.basis.title}) to disable access.",
        "content_type": ["CONTENT_TYPE_OTHER"],
        "content_type_other": kind,
        "category": order.basis.statement_category,
        "territorial_scope": list(places),
        "content_date": order.issued_at.date().isoformat(),
        "application_date": decided_at.date().isoformat(),
        "decision_facts": (
            f"{order.authority.name} ordered under {law} to disable access to this {kind}. The order was received on "
            f"{order.received_at.date()}. On its account, access was disabled in {where}, and nowhere else in the European "
            "Economic Area."
        ),
        "source_type": "SOURCE_TYPE_OTHER_NOTIFICATION",
        "source_identity": order.authority.name[:MAX_LINE],
        "automated_detection": "No",
        "automated_decision": _AUTOMATION[order.basis.intake],
        "puid": puid_of(order.id, target),
    }
    if order.expires_at:
        statement["end_date_visibility_restriction"] = order.expires_at.date().isoformat()
    return statement


_AUTOMATION: Mapping[Intake, str] = {
    Intake.COMPLY: "AUTOMATED_DECISION_FULLY",
    Intake.DECIDE: "AUTOMATED_DECISION_NOT_AUTOMATED",
}


def _named(fault: Fault) -> str:
    return f"invalid_{fault.field}"
