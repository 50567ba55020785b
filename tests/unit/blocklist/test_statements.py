"""Which decisions become statements of reasons, and why others cannot."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.blocklist.domain.item import Claim, Item, ItemState, Standing
from services.blocklist.exports.order import Inexpressible, Reason
from services.blocklist.exports.statements import LeftOut, dsa_obstacle, is_under_article_9, statement_of
from shared.ids import WORLDWIDE, Jurisdiction, Target
from tests.support.builders import NOON
from tests.support.exports import make_authority, make_basis, make_exported

DE, BY, CH, FR, IN = map(Jurisdiction, ("DE", "DE-BY", "CH", "FR", "IN"))
TARGET = Target("account:secret_handle")


def complied(claims: dict[Jurisdiction, Claim]) -> Item:
    return Item(target=TARGET, state=ItemState.COMPLIED, claims=claims)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "unblock"}, Reason.UNBLOCK),
        ({"channel": "informal"}, Reason.INFORMAL),
        ({"basis": make_basis(instrument="Regulation (EU) 2022/2065", section="Art. 9")}, Reason.ARTICLE_9),
        ({"scope": (IN,)}, Reason.OUTSIDE_EEA),
        ({"scope": (WORLDWIDE,)}, Reason.OUTSIDE_EEA),
        ({"scope": (BY,)}, Reason.OUTSIDE_EEA),
        ({"issued_at": datetime(1999, 12, 31, tzinfo=UTC)}, Reason.CONTENT_DATE),
        ({"sealed": True}, Reason.SEALED),
        ({"basis": make_basis(confidential=True)}, Reason.CONFIDENTIAL),
    ],
)
def test_what_the_database_cannot_hold_is_refused_with_its_reason(changes: dict[str, Any], reason: Reason) -> None:
    refused = dsa_obstacle(make_exported(**changes), None)

    assert isinstance(refused, Inexpressible)
    assert (refused.reason, refused.why > "") == (reason, True)


def test_a_removal_order_against_terrorist_content_goes_in() -> None:
    assert dsa_obstacle(make_exported(), None) is None


@pytest.mark.parametrize(("sealed", "allowed"), [(False, True), (True, False)])
def test_a_permission_lifts_confidentiality_and_never_a_seal(*, sealed: bool, allowed: bool) -> None:
    order = make_exported(basis=make_basis(confidential=True), sealed=sealed)

    assert (dsa_obstacle(order, "letter of the ministry") is None) is allowed


@pytest.mark.parametrize(
    ("instrument", "section", "is_one"),
    [
        ("Regulation (EU) 2022/2065", "Art. 9", True),
        ("Regulation (EU) 2022/2065 (DSA)", "Article 9(2)", True),
        ("Regulation (EU) 2022/2065", "Art. 16", False),
        ("Regulation (EU) 2022/2065", "Art. 90", False),
        ("Regulation (EU) 2021/784", "Art. 9", False),
    ],
)
def test_an_order_under_article_9_is_known_by_its_law(instrument: str, section: str, *, is_one: bool) -> None:
    order = make_exported(basis=make_basis(instrument=instrument, section=section))

    assert is_under_article_9(order) is is_one


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({DE: Standing.SUSPENDED}, "suspended"),
        ({BY: Standing.LIVE}, "part_of_a_state"),
        ({CH: Standing.LIVE}, "outside_eea"),
    ],
)
def test_an_item_that_cannot_be_told_truly_is_left_out_with_its_reason(claims: dict[Jurisdiction, Claim], reason: str) -> None:
    assert statement_of(make_exported(), complied(claims), NOON) == LeftOut(reason)


def test_an_item_decided_before_the_database_s_first_day_is_left_out() -> None:
    made = statement_of(make_exported(), complied({DE: Standing.LIVE}), datetime(2019, 12, 31, tzinfo=UTC))

    assert made == LeftOut("invalid_application_date")


def test_a_statement_names_no_state_where_the_claim_does_not_count() -> None:
    made = statement_of(make_exported(), complied({FR: Standing.SUSPENDED, DE: Standing.LIVE, CH: Standing.LIVE}), NOON)

    assert isinstance(made, dict)
    assert made["territorial_scope"] == ["DE"]


def test_no_field_holds_the_handle_or_a_word_of_the_order() -> None:
    order = make_exported(reason="secret reason", reference="secret reference", officers=("secret officer",))

    made = statement_of(order, complied({DE: Standing.LIVE}), NOON)

    assert "secret" not in str(made)


def test_long_names_are_cut_to_what_the_database_takes() -> None:
    order = make_exported(
        authority=make_authority(name="n" * 600), basis=make_basis(instrument="i" * 600, title="t" * 600, section="s")
    )

    made = statement_of(order, complied({DE: Standing.LIVE}), NOON)

    assert isinstance(made, dict)
    assert (len(made["source_identity"]), len(made["illegal_content_legal_ground"])) == (500, 500)
