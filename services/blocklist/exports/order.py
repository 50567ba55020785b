"""What an export says about a directive, and what keeps a directive out of every export."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.blocklist.domain.directive import DirectiveStatus
from services.blocklist.domain.tally import Tally
from shared.ids import DirectiveId, Jurisdiction
from shared.registry import Authority, LegalBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A directive with its authority and the version of its legal basis that it was judged by.

    `officers` are the people whom the order names as its own, `language` is what it declares itself to be written in.
    """

    id: DirectiveId
    authority: Authority
    basis: LegalBasis
    reference: str
    kind: str
    channel: str
    sealed: bool
    status: DirectiveStatus
    issued_at: datetime
    received_at: datetime
    expires_at: datetime | None
    scope: tuple[Jurisdiction, ...]
    reason: str | None
    language: str | None
    officers: tuple[str, ...]
    tally: Tally

    @property
    def cited(self) -> str:
        """The law it rests on, in words."""
        return f"{self.basis.instrument}, {self.basis.section}"


class Reason(StrEnum):
    """Why a directive cannot be exported. Callers act on these, so they are never renamed."""

    SEALED = "sealed"
    CONFIDENTIAL = "confidential"
    UNBLOCK = "unblock"
    INFORMAL = "informal"
    ARTICLE_9 = "dsa_article_9"
    OUTSIDE_EEA = "outside_eea"
    DATE_RECEIVED = "date_received"
    CONTENT_DATE = "content_date"


@dataclass(frozen=True, slots=True)
class Inexpressible:
    """The document cannot be made, and why."""

    reason: Reason
    why: str


def secrecy(order: Order, permission: str | None) -> Inexpressible | None:
    """What forbids to publish anything about the order. `permission` names what lifts the confidentiality, never a seal."""
    if order.sealed:
        return Inexpressible(Reason.SEALED, "the directive is sealed: nothing about it is exported")
    if order.basis.confidential and permission is None:
        why = f"directives under {order.basis.id} are confidential: name the permission to publish this one"
        return Inexpressible(Reason.CONFIDENTIAL, why)
    return None
