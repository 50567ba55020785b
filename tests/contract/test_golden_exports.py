"""Documents for others, word for word. The files were written by hand from the rules of those who take them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.blocklist.domain.item import Item, ItemState
from services.blocklist.domain.tally import Tally
from services.blocklist.exports.addresses import DEFAULT_ADDRESSES
from services.blocklist.exports.dsa import batch_faults
from services.blocklist.exports.lumen import lumen_notice
from services.blocklist.exports.order import Order
from services.blocklist.exports.redaction import Redaction
from services.blocklist.exports.statements import statement_of
from shared.ids import WORLDWIDE, Jurisdiction, Target
from shared.registry import AuthorityType, Intake
from tests.support.builders import IN, live
from tests.support.exports import make_authority, make_basis, make_exported

GOLDEN = {
    file.stem: json.loads(file.read_text("utf-8"))
    for file in sorted((Path(__file__).parent / "golden" / "exports").glob("*.json"))
}
DE, FR = Jurisdiction("DE"), Jurisdiction("FR")
ACCOUNT, POST = Target("account:acct_1"), Target("post:1355000000000000001")
REASON = (
    "Posts that incite violence. Questions to cyberlaw[at]meity[dot]gov[dot]in, telephone +91 11 2430 1851.\n\n"
    "(Rakesh Kumar)\nGroup Coordinator"
)


def notice(order: Order, *targets: str, redaction: Redaction = Redaction.PEOPLE, first: bool = True) -> dict[str, Any]:
    found = [Target(target) for target in targets]
    return lumen_notice(order, found, DEFAULT_ADDRESSES, "Example Platform", redaction=redaction, first=first)


def test_every_golden_document_is_held_by_a_test() -> None:
    assert set(GOLDEN) == {
        "dsa-account-for-a-time",
        "dsa-post",
        "lumen-court",
        "lumen-government",
        "lumen-law-enforcement",
    }


def test_a_ministry_s_directive_as_a_lumen_notice() -> None:
    order = make_exported(
        authority=make_authority(AuthorityType.GOVERNMENT, area="IN", name="Ministry of Electronics"),
        basis=make_basis(instrument="Information Technology Act 2000", section="s.69A"),
        reference="14(1)/2021-ES",
        issued_at=datetime(2021, 1, 31, 6, 0, tzinfo=UTC),
        received_at=datetime(2021, 1, 31, 7, 10, tzinfo=UTC),
        scope=(IN,),
        reason=REASON,
        language="en",
        tally=Tally({"complied": 2, "refused": 2, "not_located": 1}),
    )

    made = notice(
        order, "account:acct_1", "account:acct_2", "hashtag:किसान", "post:1355000000000000001", "url:https://example.org/a?b=c"
    )

    assert made == GOLDEN["lumen-government"]


def test_a_court_s_directive_as_a_lumen_notice_without_its_text() -> None:
    order = make_exported(
        authority=make_authority(AuthorityType.COURT, area="BR", name="Tribunal Superior Eleitoral"),
        basis=make_basis(instrument="Lei 12.965", section="Art. 19"),
        reference="601",
        issued_at=datetime(2023, 5, 2, 23, 0, tzinfo=UTC),
        received_at=datetime(2023, 5, 3, 1, 0, tzinfo=UTC),
        scope=(WORLDWIDE,),
        reason=REASON,
        tally=Tally({"complied": 1}),
    )

    assert notice(order, "account:acct_1", redaction=Redaction.FULL, first=False) == GOLDEN["lumen-court"]


def test_a_police_force_s_directive_as_a_lumen_notice() -> None:
    assert notice(make_exported(), "account:acct_1") == GOLDEN["lumen-law-enforcement"]


def test_a_withheld_post_as_a_statement_of_reasons() -> None:
    item = Item(target=POST, state=ItemState.COMPLIED, claims=live(FR, DE))

    made = statement_of(make_exported(), item, datetime(2026, 3, 2, 8, 0, tzinfo=UTC))

    assert made == GOLDEN["dsa-post"]


def test_an_account_withheld_at_intake_for_a_time_as_a_statement_of_reasons() -> None:
    item = Item(target=ACCOUNT, state=ItemState.COMPLIED, claims=live(DE))
    order = make_exported(
        basis=make_basis(intake=Intake.COMPLY, statement_category="STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE"),
        expires_at=datetime(2026, 6, 1, 12, 0, tzinfo=UTC),
    )

    made = statement_of(order, item, datetime(2026, 3, 1, 10, 0, tzinfo=UTC))

    assert made == GOLDEN["dsa-account-for-a-time"]


def test_the_golden_statements_are_a_batch_that_the_database_takes() -> None:
    assert batch_faults([GOLDEN["dsa-post"], GOLDEN["dsa-account-for-a-time"]]) == ()
