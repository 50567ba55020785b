"""When a user is to be told, what, and which task that is."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.blocklist.domain.causes import Cause
from services.blocklist.domain.directive import NoTransition
from services.blocklist.domain.item import Claim, Standing
from services.blocklist.domain.user_notice import (
    PREFIX,
    TRANSITIONS,
    Change,
    NoticeFact,
    NoticeState,
    Rule,
    TaskId,
    Told,
    begin,
    parse_task_id,
    step,
    task_id,
    told_of,
)
from shared.ids import DirectiveId, Jurisdiction, Target
from tests.support.builders import IN, PK, directive_id, target

STATE, FACT = NoticeState, NoticeFact

# Written from the rules, not read from the code: state → {fact: state}.
EXPECTED: Mapping[NoticeState, Mapping[NoticeFact, NoticeState]] = {
    STATE.DUE: {FACT.SEND: STATE.SENT, FACT.WAIVE: STATE.WAIVED, FACT.DIRECTIVE_ENDED: STATE.DUE},
    STATE.DELAYED: {FACT.SEND: STATE.SENT, FACT.WAIVE: STATE.WAIVED, FACT.DIRECTIVE_ENDED: STATE.DUE},
    STATE.FORBIDDEN: {FACT.DIRECTIVE_ENDED: STATE.FORBIDDEN},
    STATE.SENT: {FACT.DIRECTIVE_ENDED: STATE.SENT},
    STATE.WAIVED: {FACT.DIRECTIVE_ENDED: STATE.WAIVED},
}


@pytest.mark.parametrize("fact", FACT)
@pytest.mark.parametrize("state", STATE)
def test_every_fact_reaches_its_state_or_is_refused_with_both_names(state: NoticeState, fact: NoticeFact) -> None:
    expected = EXPECTED[state].get(fact)

    assert step(state, fact) == (expected or NoTransition(state, fact))


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(NoticeState)


@pytest.mark.parametrize(
    ("rule", "sealed", "ended", "state"),
    [
        (Rule.ALLOWED, False, False, STATE.DUE),
        (Rule.ALLOWED, False, True, STATE.DUE),
        (Rule.ALLOWED, True, False, STATE.FORBIDDEN),
        (Rule.ALLOWED, True, True, STATE.FORBIDDEN),
        (Rule.DELAYED, False, False, STATE.DELAYED),
        (Rule.DELAYED, False, True, STATE.DUE),
        (Rule.DELAYED, True, False, STATE.FORBIDDEN),
        (Rule.DELAYED, True, True, STATE.FORBIDDEN),
        (Rule.FORBIDDEN, False, False, STATE.FORBIDDEN),
        (Rule.FORBIDDEN, False, True, STATE.FORBIDDEN),
        (Rule.FORBIDDEN, True, False, STATE.FORBIDDEN),
        (Rule.FORBIDDEN, True, True, STATE.FORBIDDEN),
    ],
)
def test_a_task_begins_as_law_seal_and_directive_say(rule: Rule, state: NoticeState, *, sealed: bool, ended: bool) -> None:
    assert begin(rule, sealed=sealed, ended=ended) is state


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({IN: Standing.LIVE}, Told(Change.WITHHELD, (IN,), None)),
        ({IN: Standing.LIVE, PK: Cause.ERROR}, Told(Change.WITHHELD, (IN,), None)),
        ({IN: Cause.APPEAL, PK: Cause.APPEAL}, Told(Change.RELEASED, (IN, PK), Cause.APPEAL)),
        ({IN: Cause.APPEAL, PK: Cause.ERROR}, Told(Change.RELEASED, (IN, PK), None)),
        ({IN: Standing.SUSPENDED}, Told(Change.RELEASED, (IN,), Cause.STAYED)),
        ({IN: Standing.SUSPENDED, PK: Standing.LIVE}, Told(Change.WITHHELD, (PK,), None)),
    ],
)
def test_what_is_told_follows_from_the_claims(claims: dict[Jurisdiction, Claim], told: Told) -> None:
    assert told_of(claims) == told


def test_other_claims_are_another_task_and_their_order_is_not() -> None:
    def task(claims: dict[Jurisdiction, Claim]) -> TaskId:
        return task_id(directive_id(1), target(), claims)

    first = task({IN: Standing.LIVE, PK: Standing.LIVE})
    assert first == task({PK: Standing.LIVE, IN: Standing.LIVE})
    assert first != task({PK: Standing.LIVE})


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_an_id_is_read_back_as_it_was_written(text: str) -> None:
    written = TaskId(DirectiveId("dir_1"), Target(f"hashtag:{text}"), "00ff")

    assert parse_task_id(str(written)) == written


def encoded(value: Any) -> str:
    return PREFIX + base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unt_",
        "dir_1",
        "unt_%%",
        "unt_é",
        "unt_/w",
        encoded(None),
        encoded({}),
        encoded(["dir_1", "account:a"]),
        encoded(["dir_1", "account:a", 1]),
        encoded(["dir_1", None, "00"]),
    ],
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert parse_task_id(text) is None
