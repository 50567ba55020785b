"""What the DSA Transparency Database takes as a statement of reasons, field by field, and a check of it.

Promises: a batch without a fault is one that the database's own rules take; a bad statement makes it refuse
all of a batch.
Does not promise: that a `puid` was never used before; only the database knows.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pycountry

from shared.jurisdictions import GROUPS

Statement = Mapping[str, Any]

MAX_STATEMENTS = 100
"""In one request."""

TERRITORIES = frozenset(GROUPS["EEA"])
FIRST_CONTENT, FIRST_APPLICATION, LAST_DATE = date(2000, 1, 1), date(2020, 1, 1), date(2038, 1, 1)
MAX_FACTS, MAX_EXPLANATION, MAX_LINE = 5000, 2000, 500

VISIBILITIES = frozenset(
    f"DECISION_VISIBILITY_{name}"
    for name in (
        "CONTENT_REMOVED",
        "CONTENT_DISABLED",
        "CONTENT_DEMOTED",
        "CONTENT_AGE_RESTRICTED",
        "CONTENT_INTERACTION_RESTRICTED",
        "CONTENT_LABELLED",
        "OTHER",
    )
)
MONETARIES = frozenset(f"DECISION_MONETARY_{name}" for name in ("SUSPENSION", "TERMINATION", "OTHER"))
PROVISIONS = frozenset(
    f"DECISION_PROVISION_{extent}_{name}" for extent in ("PARTIAL", "TOTAL") for name in ("SUSPENSION", "TERMINATION")
)
ACCOUNTS = frozenset({"DECISION_ACCOUNT_SUSPENDED", "DECISION_ACCOUNT_TERMINATED"})
ACCOUNT_TYPES = frozenset({"ACCOUNT_TYPE_BUSINESS", "ACCOUNT_TYPE_PRIVATE"})
ILLEGAL, INCOMPATIBLE = "DECISION_GROUND_ILLEGAL_CONTENT", "DECISION_GROUND_INCOMPATIBLE_CONTENT"
CONTENT_TYPES = frozenset(
    f"CONTENT_TYPE_{name}" for name in ("APP", "AUDIO", "IMAGE", "PRODUCT", "SYNTHETIC_MEDIA", "TEXT", "VIDEO", "OTHER")
)
CATEGORIES = frozenset(
    f"STATEMENT_CATEGORY_{name}"
    for name in (
        "ANIMAL_WELFARE",
        "CONSUMER_INFORMATION",
        "CYBER_VIOLENCE",
        "CYBER_VIOLENCE_AGAINST_WOMEN",
        "DATA_PROTECTION_AND_PRIVACY_VIOLATIONS",
        "ILLEGAL_OR_HARMFUL_SPEECH",
        "INTELLECTUAL_PROPERTY_INFRINGEMENTS",
        "NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS",
        "NOT_SPECIFIED_NOTICE",
        "OTHER_VIOLATION_TC",
        "PROTECTION_OF_MINORS",
        "RISK_FOR_PUBLIC_SECURITY",
        "SCAMS_AND_FRAUD",
        "SELF_HARM",
        "UNSAFE_AND_PROHIBITED_PRODUCTS",
        "VIOLENCE",
    )
)
SOURCES = frozenset({"SOURCE_ARTICLE_16", "SOURCE_TRUSTED_FLAGGER", "SOURCE_VOLUNTARY", "SOURCE_TYPE_OTHER_NOTIFICATION"})
AUTOMATED = frozenset(f"AUTOMATED_DECISION_{name}" for name in ("FULLY", "PARTIALLY", "NOT_AUTOMATED"))
_YES_NO = frozenset({"Yes", "No"})

Check = Callable[[Any], str | None]
"""What is wrong with a value; None if nothing is."""

When = Callable[[Statement], bool]


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule that a statement breaks."""

    field: str
    why: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One field: which values it takes, when it has to be there, and when it may be."""

    check: Check
    required: When
    allowed: When


def faults_of(statement: Statement) -> tuple[Fault, ...]:
    """Every rule that the statement breaks, in the order of the rules."""
    unknown = [Fault(name, "the database knows no such field") for name in statement if name not in RULES]
    return (*_decision_faults(statement), *_field_faults(statement), *unknown)


def batch_faults(statements: Sequence[Statement]) -> tuple[Fault, ...]:
    """What is wrong with one request's statements; each field is named with its statement, counted from 0."""
    found: list[Fault] = []
    if not 1 <= len(statements) <= MAX_STATEMENTS:
        found.append(Fault("statements", f"one request has 1 to {MAX_STATEMENTS}"))
    for number, statement in enumerate(statements):
        found += [Fault(f"statement_{number}.{fault.field}", fault.why) for fault in faults_of(statement)]
    puids = [statement.get("puid") for statement in statements]
    found += [
        Fault(f"statement_{number}.puid", "used twice")
        for number, puid in enumerate(puids)
        if puid is not None and puid in puids[:number]
    ]
    return tuple(found)


def _decision_faults(statement: Statement) -> Iterator[Fault]:
    decisions = ("decision_visibility", "decision_monetary", "decision_provision", "decision_account")
    if not any(_is_present(statement, name) for name in decisions):
        yield Fault("decision_visibility", f"at least one is needed of {', '.join(decisions)}")


def _field_faults(statement: Statement) -> Iterator[Fault]:
    for name, rule in RULES.items():
        if not _is_present(statement, name):
            if rule.required(statement):
                yield Fault(name, "missing")
        elif not rule.allowed(statement):
            yield Fault(name, "does not belong beside the other fields")
        elif why := rule.check(statement[name]):
            yield Fault(name, why)


def _is_present(statement: Statement, name: str) -> bool:
    return statement.get(name) not in (None, "", [])


def _one_of(values: Collection[str]) -> Check:
    return lambda value: None if isinstance(value, str) and value in values else f"none of {', '.join(sorted(values))}"


def _some_of(values: Collection[str]) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, list):
            return "not a list"
        wrong = [each for each in value if not isinstance(each, str) or each not in values]
        if wrong:
            return f"{wrong[0]!r} is none of {', '.join(sorted(values))}"
        return "names one twice" if len(set(value)) < len(value) else None

    return check


def _text(limit: int) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "not a text"
        return f"longer than {limit} characters" if len(value) > limit else None

    return check


def _matching(pattern: str, meaning: str, limit: int = MAX_LINE) -> Check:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: _text(limit)(value) or (None if compiled.fullmatch(value) else meaning)


def _day(first: date | None = None) -> Check:
    def check(value: Any) -> str | None:
        day = _read_day(value)
        if day is None:
            return "not a date of the form YYYY-MM-DD"
        if first and day < first:
            return f"before {first}"
        return f"after {LAST_DATE}" if day > LAST_DATE else None

    return check


def _read_day(value: Any) -> date | None:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _keywords(value: Any) -> str | None:
    if not isinstance(value, list):
        return "not a list"
    wrong = [each for each in value if not isinstance(each, str) or not re.fullmatch("KEYWORD_[A-Z0-9_]+", each)]
    return f"{wrong[0]!r} is no KEYWORD_*" if wrong else None


def _language(value: Any) -> str | None:
    known = isinstance(value, str) and value.isupper() and len(value) == len("EN")
    return None if known and pycountry.languages.get(alpha_2=value.lower()) else "no ISO 639-1 code in upper case"


def _content_id(value: Any) -> str | None:
    number = value.get("EAN-13") if isinstance(value, Mapping) and set(value) == {"EAN-13"} else None
    return None if isinstance(number, str) and re.fullmatch(r"[0-9]{13}", number) else 'not {"EAN-13": 13 digits}'


def _always(_: Statement) -> bool:
    return True


def _never(_: Statement) -> bool:
    return False


def _has(field: str, value: str) -> When:
    def holds(statement: Statement) -> bool:
        found = statement.get(field)
        return value in found if isinstance(found, list) else found == value

    return holds


def _required(check: Check) -> Rule:
    return Rule(check, _always, _always)


def _optional(check: Check, allowed: When = _always) -> Rule:
    return Rule(check, _never, allowed)


def _exactly_when(holds: When, check: Check) -> Rule:
    return Rule(check, holds, holds)


def _named_source(statement: Statement) -> bool:
    return statement.get("source_type") != "SOURCE_VOLUNTARY"


_illegal, _incompatible = _has("decision_ground", ILLEGAL), _has("decision_ground", INCOMPATIBLE)

RULES: Mapping[str, Rule] = {
    "decision_visibility": _optional(_some_of(VISIBILITIES)),
    "decision_visibility_other": _exactly_when(_has("decision_visibility", "DECISION_VISIBILITY_OTHER"), _text(MAX_LINE)),
    "decision_monetary": _optional(_one_of(MONETARIES)),
    "decision_monetary_other": _exactly_when(_has("decision_monetary", "DECISION_MONETARY_OTHER"), _text(MAX_LINE)),
    "decision_provision": _optional(_one_of(PROVISIONS)),
    "decision_account": _optional(_one_of(ACCOUNTS)),
    "account_type": _optional(_one_of(ACCOUNT_TYPES)),
    "decision_ground": _required(_one_of((ILLEGAL, INCOMPATIBLE))),
    "decision_ground_reference_url": _optional(_text(MAX_LINE)),
    "illegal_content_legal_ground": _exactly_when(_illegal, _text(MAX_LINE)),
    "illegal_content_explanation": _exactly_when(_illegal, _text(MAX_EXPLANATION)),
    "incompatible_content_ground": _exactly_when(_incompatible, _text(MAX_LINE)),
    "incompatible_content_explanation": _exactly_when(_incompatible, _text(MAX_EXPLANATION)),
    "incompatible_content_illegal": _optional(_one_of(_YES_NO), _incompatible),
    "content_type": _required(_some_of(CONTENT_TYPES)),
    "content_type_other": _exactly_when(_has("content_type", "CONTENT_TYPE_OTHER"), _text(MAX_LINE)),
    "category": _required(_one_of(CATEGORIES)),
    "category_addition": _optional(_some_of(CATEGORIES)),
    "category_specification": _optional(_keywords),
    "category_specification_other": _optional(_text(MAX_LINE)),
    "territorial_scope": _optional(_some_of(TERRITORIES)),
    "content_language": _optional(_language),
    "content_date": _required(_day(FIRST_CONTENT)),
    "application_date": _required(_day(FIRST_APPLICATION)),
    "end_date_account_restriction": _optional(_day()),
    "end_date_monetary_restriction": _optional(_day()),
    "end_date_service_restriction": _optional(_day()),
    "end_date_visibility_restriction": _optional(_day()),
    "decision_facts": _required(_text(MAX_FACTS)),
    "source_type": _required(_one_of(SOURCES)),
    "source_identity": _optional(_text(MAX_LINE), _named_source),
    "automated_detection": _required(_one_of(_YES_NO)),
    "automated_decision": _required(_one_of(AUTOMATED)),
    "content_id": _optional(_content_id),
    "puid": _required(_matching("[A-Za-z0-9_-]+", "holds a character other than A-Z, a-z, 0-9, - and _")),
}
