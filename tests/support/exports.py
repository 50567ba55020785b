"""Directives as exports see them, under made-up laws and authorities: no change of the registry moves a document."""

from datetime import UTC, date, datetime
from typing import Any

from services.blocklist.domain.directive import DirectiveStatus
from services.blocklist.domain.tally import Tally
from services.blocklist.exports.order import Order
from shared.ids import DirectiveId, Jurisdiction
from shared.registry import Authority, AuthorityType, Intake, Label, LegalBasis, UserNotice
from shared.registry.table import Area

ID = DirectiveId("dir_000000000000000000000000000000a1")


def make_basis(**changes: Any) -> LegalBasis:
    values: dict[str, Any] = {
        "id": "eu-tco",
        "jurisdiction": Area("EU"),
        "instrument": "Regulation (EU) 2021/784",
        "section": "Art. 3",
        "title": "Removal order",
        "issued_by": "an authority",
        "in_force_from": date(2022, 6, 7),
        "label": Label.LEGAL_DEMAND,
        "confidential": False,
        "user_notice": UserNotice.ALLOWED,
        "intake": Intake.DECIDE,
        "interim": False,
        "verified": True,
        "source": "the regulation",
        "statement_category": "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY",
        **changes,
    }
    return LegalBasis(**values)


def make_authority(type_: AuthorityType = AuthorityType.LAW_ENFORCEMENT, *, area: str = "DE", **changes: Any) -> Authority:
    values = {"id": "de-bka", "name": "Bundeskriminalamt", "legal_bases": ("eu-tco",), "worldwide": False, **changes}
    return Authority(type=type_, jurisdiction=Area(area), **values)


def make_exported(**changes: Any) -> Order:
    """A removal order of a German authority for Germany and France, in force; half of its two items complied with."""
    values: dict[str, Any] = {
        "id": ID,
        "authority": make_authority(area="EU"),
        "basis": make_basis(),
        "reference": "TE 12/2026",
        "kind": "block",
        "channel": "official",
        "sealed": False,
        "status": DirectiveStatus.IN_FORCE,
        "issued_at": datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        "received_at": datetime(2026, 3, 1, 10, 0, tzinfo=UTC),
        "expires_at": None,
        "scope": (Jurisdiction("DE"), Jurisdiction("FR")),
        "reason": None,
        "language": None,
        "officers": (),
        "tally": Tally({"complied": 1, "refused": 1}),
        **changes,
    }
    return Order(**values)
