"""A directive as a notice of the Lumen database, by the fields that its intake permits.

Promises: exactly those fields, and no token ever. Lumen takes web addresses alone, so accounts, posts and hashtags become such.
The notice is what was demanded, so it names every target, those that were refused too. `action_taken` says what came of it.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from services.blocklist.domain.causes import BY_PLATFORM
from services.blocklist.domain.directive import ENDED, DirectiveStatus
from services.blocklist.domain.tally import Tally
from services.blocklist.exports.addresses import Addresses
from services.blocklist.exports.order import Inexpressible, Order, Reason, secrecy
from services.blocklist.exports.redaction import Redaction, redact
from shared.ids import WORLDWIDE, Target, TargetType, type_of
from shared.registry import AuthorityType

Document = dict[str, Any]

MAX_URLS = 10_000
"""Web addresses in one notice; a larger directive takes several."""

RECEIVED_AFTER = date(1998, 10, 28)

_TYPES = {
    AuthorityType.GOVERNMENT: "GovernmentRequest",
    AuthorityType.LAW_ENFORCEMENT: "LawEnforcementRequest",
    AuthorityType.COURT: "CourtOrder",
}
_ROLES = {
    AuthorityType.GOVERNMENT: ("sender", "principal"),
    AuthorityType.LAW_ENFORCEMENT: ("sender", "principal"),
    AuthorityType.COURT: ("sender", "principal", "issuing_court"),
}
_WORKS = {
    TargetType.ACCOUNT: "Accounts that the directive names",
    TargetType.POST: "Posts that the directive names",
    TargetType.HASHTAG: "Hashtags that the directive names",
    TargetType.URL: "Web pages that the directive names",
}


def lumen_obstacle(order: Order, permission: str | None) -> Inexpressible | None:
    """Why the directive cannot become a notice; None if it can."""
    if order.kind != "block":
        return Inexpressible(Reason.UNBLOCK, "Lumen takes demands to remove; this directive asks to restore")
    if order.channel == "informal" and order.authority.type is AuthorityType.COURT:
        return Inexpressible(Reason.INFORMAL, "an informal request is no court order, and Lumen has no form for one of a court")
    if order.received_at.date() <= RECEIVED_AFTER:
        return Inexpressible(Reason.DATE_RECEIVED, f"Lumen takes notices received after {RECEIVED_AFTER}")
    return secrecy(order, permission)


def lumen_notice(
    order: Order, targets: Sequence[Target], addresses: Addresses, platform: str, *, redaction: Redaction, first: bool = True
) -> Document:
    """The notice about these targets of a directive that has no obstacle. `first` is False for the second and later ones."""
    notice = {
        "type": _TYPES[order.authority.type],
        "title": _title(order, first=first),
        "subject": f"Demand to withhold {order.tally.total} target(s) in {', '.join(order.scope)}",
        "body": redact(order.reason, order.officers).text if order.reason and redaction is Redaction.PEOPLE else None,
        "date_sent": order.issued_at.date().isoformat(),
        "date_received": order.received_at.date().isoformat(),
        "language": order.language,
        "action_taken": action_taken(order.tally),
        "request_type": None if order.authority.type is AuthorityType.COURT else "Agency",
        "case_id_number": int(order.reference) if _is_number(order.reference) else None,
        "jurisdiction_list": _countries(order),
        "regulation_list": [order.cited],
        "works_attributes": _works(targets, addresses),
        "entity_notice_roles_attributes": _roles(order, platform),
    }
    return {name: value for name, value in notice.items() if value is not None}


def lumen_state(status: DirectiveStatus) -> str:
    """The state in Lumen: a directive that has ended is `rescinded` there."""
    return "rescinded" if status in ENDED else "published"


def action_taken(tally: Tally) -> str:
    """What the platform did. What an authority ended counts as done, what the platform restored as not done."""
    counted, released = tally.counted(), tally.released()
    restored = sum(released[cause] for cause in BY_PLATFORM)
    done = counted["complied"] + sum(released.values()) - restored
    not_done = counted["refused"] + counted["not_located"] + restored
    if done:
        return "Partial" if not_done or counted["undecided"] else "Yes"
    return "No" if not_done and not counted["undecided"] else "Unspecified"


def _title(order: Order, *, first: bool) -> str:
    reference = redact(order.reference, order.officers, numbers=False).text
    return f"Blocking directive {reference} under {order.cited}{'' if first else ' (continued)'}"


def _is_number(reference: str) -> bool:
    return reference.isascii() and reference.isdigit() and not reference.startswith("0")


def _countries(order: Order) -> list[str]:
    """Country codes: a part of a country stands for it, and worldwide for the countries of the authority."""
    places = [place for place in order.scope if place != WORLDWIDE] or order.authority.members
    return list(dict.fromkeys(place.partition("-")[0] for place in places))


def _works(targets: Sequence[Target], addresses: Addresses) -> list[Document]:
    """One work for each type of target, in the order of the types."""
    urls: dict[TargetType, list[Document]] = defaultdict(list)
    for target in targets:
        urls[type_of(target)].append({"url": addresses.of(target)})
    return [
        {"description": _WORKS[kind], "kind": kind.value, "infringing_urls_attributes": urls[kind]}
        for kind in TargetType
        if kind in urls
    ]


def _roles(order: Order, platform: str) -> list[Document]:
    country = order.authority.jurisdiction.partition("-")[0] if len(order.authority.members) == 1 else None
    authority = {"name": order.authority.name, "kind": "organization", **({"country_code": country} if country else {})}
    ours = {"name": platform, "kind": "organization"}
    theirs = [{"name": role, "entity_attributes": authority} for role in _ROLES[order.authority.type]]
    return [*theirs, *({"name": role, "entity_attributes": ours} for role in ("recipient", "submitter"))]
