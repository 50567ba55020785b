"""Every rule of the DSA Transparency Database, field by field, against one statement that breaks none."""

from typing import Any

import pytest

from services.blocklist.exports.dsa import RULES, Fault, batch_faults, faults_of
from services.blocklist.exports.statements import puid_of
from shared.ids import Target
from shared.registry import load_registry

GOOD: dict[str, Any] = {
    "decision_visibility": ["DECISION_VISIBILITY_CONTENT_DISABLED"],
    "decision_ground": "DECISION_GROUND_ILLEGAL_CONTENT",
    "illegal_content_legal_ground": "a law",
    "illegal_content_explanation": "because",
    "content_type": ["CONTENT_TYPE_TEXT"],
    "category": "STATEMENT_CATEGORY_VIOLENCE",
    "content_date": "2026-03-01",
    "application_date": "2026-03-01",
    "decision_facts": "facts",
    "source_type": "SOURCE_TYPE_OTHER_NOTIFICATION",
    "automated_detection": "No",
    "automated_decision": "AUTOMATED_DECISION_NOT_AUTOMATED",
    "puid": "a-1",
}
ON_TERMS: dict[str, Any] = {
    "illegal_content_legal_ground": None,
    "illegal_content_explanation": None,
    "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
    "incompatible_content_ground": "a term",
    "incompatible_content_explanation": "because",
}
EEA = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"


def fields_at_fault(changes: dict[str, Any]) -> list[str]:
    return [fault.field for fault in faults_of({**GOOD, **changes})]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        *({"decision_visibility": [f"DECISION_VISIBILITY_CONTENT_{name}"]}
          for name in ("REMOVED", "DEMOTED", "AGE_RESTRICTED", "INTERACTION_RESTRICTED", "LABELLED")),
        {"decision_visibility": ["DECISION_VISIBILITY_OTHER"], "decision_visibility_other": "x" * 500},
        *({"decision_visibility": None, "decision_monetary": f"DECISION_MONETARY_{name}"}
          for name in ("SUSPENSION", "TERMINATION")),
        {"decision_monetary": "DECISION_MONETARY_OTHER", "decision_monetary_other": "x" * 500},
        *({"decision_visibility": [], "decision_provision": f"DECISION_PROVISION_{name}"}
          for name in ("PARTIAL_SUSPENSION", "PARTIAL_TERMINATION", "TOTAL_SUSPENSION", "TOTAL_TERMINATION")),
        *({"decision_visibility": None, "decision_account": f"DECISION_ACCOUNT_{name}"} for name in ("SUSPENDED", "TERMINATED")),
        *({"account_type": f"ACCOUNT_TYPE_{name}"} for name in ("BUSINESS", "PRIVATE")),
        {"decision_ground_reference_url": "x" * 500},
        {"illegal_content_legal_ground": "x" * 500, "illegal_content_explanation": "x" * 2000},
        ON_TERMS,
        *({**ON_TERMS, "incompatible_content_illegal": word} for word in ("Yes", "No")),
        {**ON_TERMS, "incompatible_content_ground": "x" * 500, "incompatible_content_explanation": "x" * 2000},
        {"content_type": ["CONTENT_TYPE_APP", "CONTENT_TYPE_AUDIO", "CONTENT_TYPE_IMAGE", "CONTENT_TYPE_PRODUCT",
                          "CONTENT_TYPE_SYNTHETIC_MEDIA", "CONTENT_TYPE_VIDEO"]},
        {"content_type": ["CONTENT_TYPE_OTHER"], "content_type_other": "x" * 500},
        {"category_addition": ["STATEMENT_CATEGORY_SELF_HARM"], "category_specification": ["KEYWORD_OTHER"]},
        {"category_specification_other": "x" * 500},
        {"territorial_scope": EEA.split()},
        {"content_language": "EN"},
        {"content_date": "2000-01-01", "application_date": "2020-01-01"},
        {"content_date": "2038-01-01", "application_date": "2038-01-01"},
        *({f"end_date_{name}_restriction": "2026-04-01"} for name in ("account", "monetary", "service", "visibility")),
        {"decision_facts": "x" * 5000},
        *({"source_type": name} for name in ("SOURCE_ARTICLE_16", "SOURCE_TRUSTED_FLAGGER", "SOURCE_VOLUNTARY")),
        {"source_identity": "x" * 500},
        {"automated_detection": "Yes"},
        *({"automated_decision": f"AUTOMATED_DECISION_{name}"} for name in ("FULLY", "PARTIALLY")),
        {"content_id": {"EAN-13": "4006381333931"}},
        {"puid": "Az09_-" + "x" * 494},
    ],
)  # fmt: skip
def test_what_the_database_takes_has_no_fault(changes: dict[str, Any]) -> None:
    assert fields_at_fault(changes) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"decision_visibility": None}, "decision_visibility"),
        ({"decision_visibility": "DECISION_VISIBILITY_CONTENT_DISABLED"}, "decision_visibility"),
        ({"decision_visibility": ["DISABLED"]}, "decision_visibility"),
        ({"decision_visibility": [["nested"]]}, "decision_visibility"),
        ({"decision_visibility": ["DECISION_VISIBILITY_OTHER"]}, "decision_visibility_other"),
        ({"decision_visibility_other": "without need"}, "decision_visibility_other"),
        ({"decision_visibility": ["DECISION_VISIBILITY_OTHER"], "decision_visibility_other": "x" * 501},
         "decision_visibility_other"),
        ({"decision_monetary": "FINE"}, "decision_monetary"),
        ({"decision_monetary": "DECISION_MONETARY_OTHER"}, "decision_monetary_other"),
        ({"decision_monetary": "DECISION_MONETARY_OTHER", "decision_monetary_other": "x" * 501}, "decision_monetary_other"),
        ({"decision_monetary_other": "without need"}, "decision_monetary_other"),
        ({"decision_provision": ["DECISION_PROVISION_PARTIAL_SUSPENSION"]}, "decision_provision"),
        ({"decision_account": "DECISION_ACCOUNT_HIDDEN"}, "decision_account"),
        ({"account_type": "BUSINESS"}, "account_type"),
        ({"decision_ground_reference_url": "x" * 501}, "decision_ground_reference_url"),
        ({"illegal_content_legal_ground": None}, "illegal_content_legal_ground"),
        ({"illegal_content_legal_ground": "x" * 501}, "illegal_content_legal_ground"),
        ({"illegal_content_explanation": ""}, "illegal_content_explanation"),
        ({"illegal_content_explanation": "x" * 2001}, "illegal_content_explanation"),
        ({"incompatible_content_ground": "a term"}, "incompatible_content_ground"),
        ({"incompatible_content_explanation": "because"}, "incompatible_content_explanation"),
        ({"incompatible_content_illegal": "No"}, "incompatible_content_illegal"),
        ({**ON_TERMS, "incompatible_content_illegal": "Maybe"}, "incompatible_content_illegal"),
        ({**ON_TERMS, "incompatible_content_ground": None}, "incompatible_content_ground"),
        ({**ON_TERMS, "incompatible_content_ground": "x" * 501}, "incompatible_content_ground"),
        ({**ON_TERMS, "incompatible_content_explanation": None}, "incompatible_content_explanation"),
        ({**ON_TERMS, "incompatible_content_explanation": "x" * 2001}, "incompatible_content_explanation"),
        ({**ON_TERMS, "illegal_content_legal_ground": "a law"}, "illegal_content_legal_ground"),
        ({"content_type": None}, "content_type"),
        ({"content_type": []}, "content_type"),
        ({"content_type": ["CONTENT_TYPE_SONG"]}, "content_type"),
        ({"content_type": ["CONTENT_TYPE_TEXT", "CONTENT_TYPE_TEXT"]}, "content_type"),
        ({"content_type": ["CONTENT_TYPE_OTHER"]}, "content_type_other"),
        ({"content_type": ["CONTENT_TYPE_OTHER"], "content_type_other": "x" * 501}, "content_type_other"),
        ({"content_type_other": "without need"}, "content_type_other"),
        ({"category": None}, "category"),
        ({"category": "STATEMENT_CATEGORY_TERROR"}, "category"),
        ({"category_addition": ["STATEMENT_CATEGORY_TERROR"]}, "category_addition"),
        ({"category_specification": ["TERROR"]}, "category_specification"),
        ({"category_specification": "KEYWORD_OTHER"}, "category_specification"),
        ({"category_specification_other": "x" * 501}, "category_specification_other"),
        ({"territorial_scope": ["IN"]}, "territorial_scope"),
        ({"territorial_scope": ["CH"]}, "territorial_scope"),
        ({"territorial_scope": ["DE", "GB"]}, "territorial_scope"),
        ({"territorial_scope": ["EL"]}, "territorial_scope"),
        ({"territorial_scope": ["EU"]}, "territorial_scope"),
        ({"territorial_scope": "DE"}, "territorial_scope"),
        ({"content_language": "en"}, "content_language"),
        ({"content_language": "ENG"}, "content_language"),
        ({"content_language": "QX"}, "content_language"),
        ({"content_language": 1}, "content_language"),
        ({"content_date": None}, "content_date"),
        ({"content_date": "1999-12-31"}, "content_date"),
        ({"content_date": "2038-01-02"}, "content_date"),
        ({"content_date": "2026-02-30"}, "content_date"),
        ({"content_date": "01/03/2026"}, "content_date"),
        ({"content_date": 20260301}, "content_date"),
        ({"application_date": None}, "application_date"),
        ({"application_date": "2019-12-31"}, "application_date"),
        ({"application_date": "2038-01-02"}, "application_date"),
        ({"application_date": "2026-03-01T00:00:00Z"}, "application_date"),
        *(({f"end_date_{name}_restriction": "soon"}, f"end_date_{name}_restriction")
          for name in ("account", "monetary", "service", "visibility")),
        ({"decision_facts": None}, "decision_facts"),
        ({"decision_facts": "x" * 5001}, "decision_facts"),
        ({"decision_facts": 5}, "decision_facts"),
        ({"source_type": None}, "source_type"),
        ({"source_type": "SOURCE_ORDER"}, "source_type"),
        ({"source_identity": "x" * 501}, "source_identity"),
        ({"source_type": "SOURCE_VOLUNTARY", "source_identity": "somebody"}, "source_identity"),
        ({"automated_detection": None}, "automated_detection"),
        ({"automated_detection": False}, "automated_detection"),
        ({"automated_decision": None}, "automated_decision"),
        ({"automated_decision": "No"}, "automated_decision"),
        ({"content_id": {"EAN-13": "123"}}, "content_id"),
        ({"content_id": {"ISBN": "4006381333931"}}, "content_id"),
        ({"content_id": "4006381333931"}, "content_id"),
        ({"puid": None}, "puid"),
        ({"puid": "a/1"}, "puid"),
        ({"puid": "é"}, "puid"),
        ({"puid": 1}, "puid"),
        ({"puid": "x" * 501}, "puid"),
        ({"sender": "us"}, "sender"),
    ],
)  # fmt: skip
def test_what_breaks_one_rule_is_told_at_that_field_alone(changes: dict[str, Any], field: str) -> None:
    assert fields_at_fault(changes) == [field]


def test_a_statement_on_no_ground_lacks_it_and_may_not_explain_one() -> None:
    assert fields_at_fault({"decision_ground": None}) == [
        "decision_ground",
        "illegal_content_legal_ground",
        "illegal_content_explanation",
    ]


def test_all_faults_of_a_statement_are_told_at_once() -> None:
    assert len(faults_of({})) == len([rule for rule in RULES.values() if rule.required({})]) + 1


@pytest.mark.parametrize(("count", "faults"), [(0, 1), (1, 0), (100, 0), (101, 1)])
def test_a_request_has_one_to_a_hundred_statements(count: int, faults: int) -> None:
    statements = [{**GOOD, "puid": f"a-{number}"} for number in range(count)]

    assert len(batch_faults(statements)) == faults


def test_a_bad_statement_of_a_batch_is_told_by_its_number_and_a_puid_is_used_once() -> None:
    statements = [GOOD, {**GOOD, "category": None}, {**GOOD, "puid": "b-1"}]

    assert batch_faults(statements) == (Fault("statement_1.category", "missing"), Fault("statement_1.puid", "used twice"))


def test_a_puid_is_one_for_each_directive_and_target_and_shows_no_handle() -> None:
    made = {puid_of(directive, Target(target)) for directive in ("dir_1", "dir_2") for target in ("account:a_1", "account:a_2")}

    assert (len(made), [puid for puid in made if "a_" in puid]) == (4, [])


def test_every_shipped_category_is_one_of_the_database() -> None:
    shipped = {version.statement_category for regime in load_registry().legal_bases.values() for version in regime.versions}

    assert [category for category in shipped if fields_at_fault({"category": category})] == []
