"""What a Lumen notice says of a directive, and which directives become none."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.blocklist.domain.directive import DirectiveStatus
from services.blocklist.domain.tally import Tally
from services.blocklist.exports.addresses import DEFAULT_ADDRESSES, Addresses
from services.blocklist.exports.lumen import action_taken, lumen_notice, lumen_obstacle, lumen_state
from services.blocklist.exports.order import Inexpressible, Reason
from services.blocklist.exports.redaction import Redaction
from shared.ids import Jurisdiction, Target
from shared.registry import AuthorityType
from tests.support.exports import make_authority, make_basis, make_exported

PERMITTED = {
    "type", "title", "subject", "body", "date_sent", "date_received", "source", "tag_list", "jurisdiction_list",
    "regulation_list", "language", "action_taken", "request_type", "case_id_number", "topic_ids", "mark_registration_number",
    "url_count", "webform", "counternotice_for_id", "counternotice_for_sid", "works_attributes",
    "entity_notice_roles_attributes", "file_uploads_attributes",
}  # fmt: skip


def notice(target: str = "account:a", **changes: Any) -> dict[str, Any]:
    return lumen_notice(make_exported(**changes), [Target(target)], DEFAULT_ADDRESSES, "Us", redaction=Redaction.PEOPLE)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "unblock"}, Reason.UNBLOCK),
        ({"channel": "informal", "authority": make_authority(AuthorityType.COURT)}, Reason.INFORMAL),
        ({"received_at": datetime(1998, 10, 28, 23, tzinfo=UTC)}, Reason.DATE_RECEIVED),
        ({"sealed": True}, Reason.SEALED),
        ({"basis": make_basis(confidential=True)}, Reason.CONFIDENTIAL),
    ],
)
def test_what_lumen_cannot_hold_is_refused_with_its_reason(changes: dict[str, Any], reason: Reason) -> None:
    refused = lumen_obstacle(make_exported(**changes), None)

    assert isinstance(refused, Inexpressible)
    assert (refused.reason, refused.why > "") == (reason, True)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"channel": "informal"},
        {"received_at": datetime(1998, 10, 29, tzinfo=UTC)},
        {"status": DirectiveStatus.REJECTED},
    ],
)
def test_everything_else_becomes_a_notice(changes: dict[str, Any]) -> None:
    assert lumen_obstacle(make_exported(**changes), None) is None


def test_a_permission_lifts_confidentiality() -> None:
    assert lumen_obstacle(make_exported(basis=make_basis(confidential=True)), "letter of the ministry") is None


def test_a_notice_has_no_field_but_those_that_lumen_permits() -> None:
    made = notice(reason="text", language="de", reference="601")

    assert set(made) - PERMITTED == set()
    assert "authentication_token" not in str(made)


@pytest.mark.parametrize(
    ("slots", "taken"),
    [
        ({"complied": 2}, "Yes"),
        ({"complied": 1, "withdrawn": 1}, "Yes"),
        ({"released:rescinded": 1, "complied": 1}, "Yes"),
        ({"complied": 1, "refused": 1}, "Partial"),
        ({"complied": 1, "not_located": 1}, "Partial"),
        ({"complied": 1, "undecided": 1}, "Partial"),
        ({"complied": 1, "released:platform_decision": 1}, "Partial"),
        ({"released:platform_decision": 2}, "No"),
        ({"released:appeal": 1, "released:error": 1}, "No"),
        ({"refused": 2, "not_located": 1}, "No"),
        ({"refused": 1, "undecided": 1}, "Unspecified"),
        ({"undecided": 3}, "Unspecified"),
        ({"withdrawn": 3}, "Unspecified"),
        ({}, "Unspecified"),
    ],
)
def test_the_action_taken_follows_from_the_counts(slots: dict[str, int], taken: str) -> None:
    assert action_taken(Tally(slots)) == taken


@pytest.mark.parametrize("status", DirectiveStatus)
def test_a_directive_that_has_ended_is_rescinded_in_lumen(status: DirectiveStatus) -> None:
    ended = status.value in {"rescinded", "superseded", "expired", "quashed", "interim_lapsed"}

    assert lumen_state(status) == ("rescinded" if ended else "published")


@pytest.mark.parametrize(
    ("reference", "number"), [("601", 601), ("0601", None), ("14(1)/2021-ES", None), ("６０１", None), ("-1", None)]
)
def test_only_a_number_becomes_the_number_of_the_case(reference: str, number: int | None) -> None:
    assert notice(reference=reference).get("case_id_number") == number


def test_a_part_of_a_country_stands_for_the_country_once() -> None:
    made = notice(scope=tuple(map(Jurisdiction, ("IN-PB", "IN-HR", "FR"))))

    assert made["jurisdiction_list"] == ["IN", "FR"]


def test_people_are_taken_from_title_and_body() -> None:
    made = notice(reference="12 of Shri Rao", reason="asks Asha Mehta, a@b.in", officers=("Asha Mehta",))

    assert (made["title"].startswith("Blocking directive 12 of Shri [redacted]"), made["body"]) == (
        True,
        "asks [redacted], [redacted]",
    )


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("account:acct_1", "https://x.com/acct_1"),
        ("post:123", "https://x.com/i/web/status/123"),
        ("hashtag:a/b", "https://x.com/hashtag/a%2Fb"),
        ("url:https://example.org/{id}?q=1", "https://example.org/{id}?q=1"),
    ],
)
def test_every_target_has_a_web_address(target: str, url: str) -> None:
    works = notice(target)["works_attributes"]

    assert [each["infringing_urls_attributes"] for each in works] == [[{"url": url}]]


def test_a_template_of_an_address_needs_a_place_for_the_id() -> None:
    with pytest.raises(ValueError, match="once"):
        Addresses(account="https://x.com/", post="https://x.com/{id}", hashtag="https://x.com/{id}")
