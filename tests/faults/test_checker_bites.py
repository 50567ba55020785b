"""The checker finds each kind of broken promise: a history that holds is broken in one way, and that is what is found."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.checker import check
from tests.faults.checker.evidence import (
    Answer,
    Batch,
    Deliberate,
    Directive,
    Enforcement,
    Evidence,
    ItemVersion,
    Key,
    Lane,
    Moment,
    Overdue,
    Published,
)
from tests.faults.checker.oracle import Item
from tests.faults.hand_made import (
    DIR,
    GOOD,
    INTENT,
    ONE,
    ORDER,
    QUEUED,
    RELEASE,
    RELEASED,
    STATES,
    SUBMIT,
    SUBMITTED,
    TWO,
    applied,
    key,
    record,
    refused,
    told,
    version,
)
from tests.faults.history import Attempt, Told


def test_a_history_that_holds_has_no_violation() -> None:
    assert check(GOOD) == []


def again(told_before: Told, body: dict[str, Any]) -> Told:
    return Told(told_before.request, [*told_before.attempts, Attempt(sent_at=3.0, ended_at=4.0, status=201, body=body)])


def overdue(id_: str = "o1", at: float = 10.0) -> Overdue:
    return Overdue(id=id_, point="edge", key=key(ONE), version=1, due_at=9.0, at=at)


STRANGER = Directive(
    id="dir_9", authority="in-meity", reference="ref-9", kind="block", scope=["IN"], status="in_force", revision=1
)
KNOWN_TOO = {**GOOD.known_directives, "dir_9": (1, "in_force")}
FIRST, SECOND, THIRD = GOOD.published
ITEMS = list(GOOD.items)
LATE = version(TWO, 3)

BROKEN: Mapping[str, tuple[int, Evidence]] = {
    "an accepted order is not stored": (1, replace(GOOD, answers={"key-2": Answer(200, RELEASED)})),
    "an answer is stored otherwise": (1, replace(GOOD, answers={**GOOD.answers, "key-1": Answer(201, {**SUBMITTED, "id": "x"})})),
    "a refused order is stored": (
        1,
        replace(GOOD, told=[*GOOD.told, refused(4, ORDER)], answers={**GOOD.answers, "key-4": Answer(201, {})}),
    ),
    "an order for nowhere is accepted": (1, replace(GOOD, answers={**GOOD.answers, "key-3": Answer(201, {})})),
    "a repetition is answered otherwise": (
        1,
        replace(GOOD, told=[again(SUBMIT, {**SUBMITTED, "batch": "bat_9"}), *GOOD.told[1:]]),
    ),
    "a directive comes from nowhere": (
        1,
        replace(GOOD, directives=[*GOOD.directives, STRANGER], known_directives=KNOWN_TOO),
    ),
    "a reference is stored twice": (
        1,
        replace(
            GOOD,
            directives=[*GOOD.directives, replace(STRANGER, reference="ref-1")],
            known_directives=KNOWN_TOO,
        ),
    ),
    "a version is missing": (2, replace(GOOD, intent=[INTENT[0], INTENT[2]])),
    "a version was used twice": (2, replace(GOOD, intent=[*INTENT, INTENT[2]])),
    "versions are queued in the wrong order": (
        2,
        replace(GOOD, queued=[QUEUED[0], replace(QUEUED[1], row=3), replace(QUEUED[2], row=2)]),
    ),
    "a version is not queued": (2, replace(GOOD, queued=QUEUED[:2])),
    "an event never reached its topic": (3, replace(GOOD, published=[FIRST, SECOND])),
    "an event was published without a commit": (
        3,
        replace(GOOD, published=[*GOOD.published, replace(THIRD, offset=3, id="IN/account:two@3", sequence=4)]),
    ),
    "an event was published otherwise than committed": (3, replace(GOOD, published=[FIRST, SECOND, replace(THIRD, value=b"{}")])),
    "an event tells what is not stored": (
        3,
        replace(
            GOOD,
            queued=[replace(QUEUED[0], value=QUEUED[1].value), *QUEUED[1:]],
            published=[replace(FIRST, value=QUEUED[1].value), SECOND, THIRD],
        ),
    ),
    "events of a key are published in the wrong order": (
        4,
        replace(GOOD, published=[FIRST, record(1, QUEUED[2]), record(2, QUEUED[1])]),
    ),
    "a key is in two partitions": (4, replace(GOOD, published=[*GOOD.published, replace(THIRD, partition=1)])),
    "a number was given twice": (
        4,
        replace(
            GOOD, queued=[*QUEUED[:2], replace(QUEUED[2], sequence=2)], published=[FIRST, SECOND, replace(THIRD, sequence=2)]
        ),
    ),
    "the notifier lacks a version": (5, replace(GOOD, known=GOOD.known[:2])),
    "the notifier has another state": (5, replace(GOOD, known=[*GOOD.known[:2], replace(GOOD.known[2], cause="appeal")])),
    "the notifier lacks a revision": (5, replace(GOOD, known_directives={DIR: (2, "in_force")})),
    "an offset fell": (6, replace(GOOD, moments=[Moment(0.5, {(STATES, 0): 2}), *GOOD.moments])),
    "an offset is beyond the end": (6, replace(GOOD, moments=[Moment(2.0, {(STATES, 0): 4})])),
    "an event waits for ever": (7, replace(GOOD, queued=[*QUEUED[:2], replace(QUEUED[2], published=False)])),
    "a record is not read": (7, replace(GOOD, moments=GOOD.moments[:1])),
    "a hole stays open": (7, replace(GOOD, holes=1)),
    "a good record is set aside": (7, replace(GOOD, quarantined=frozenset({(STATES, 0, 1)}))),
    "garbage is not set aside": (7, replace(GOOD, deliberate=Deliberate(garbage=frozenset({(STATES, 0, 9)})))),
    "both ends of a lane disagree": (
        7,
        replace(GOOD, seen_lanes=[Lane(topic=STATES, partition=0, sequence=3, digest="another")]),
    ),
    "more is withheld than was asked": (8, replace(GOOD, intent=[replace(INTENT[0], key=Key("PK", ONE)), *INTENT[1:]])),
    "a target is withheld that nobody named": (8, replace(GOOD, intent=[replace(INTENT[0], key=key("account:x")), *INTENT[1:]])),
    "what was released is withheld again": (8, replace(GOOD, intent=[*INTENT, LATE])),
    "the notifier withholds what is released": (
        8,
        replace(GOOD, known=[*GOOD.known[:2], replace(GOOD.known[2], state="withheld")]),
    ),
    "a point blocks after the unblock": (8, replace(GOOD, applied=[*GOOD.applied, applied(INTENT[1])])),
    "an item is not what was asked": (9, replace(GOOD, items=[*ITEMS[:2], replace(ITEMS[2], claims={"IN": "live"})])),
    "a key does not follow its items": (9, replace(GOOD, intent=[INTENT[0], INTENT[1]])),
    "a claimant was forgotten": (9, replace(GOOD, intent=[version(ONE, 1, claimants=frozenset()), *INTENT[1:]])),
    "a point missed the last version": (9, replace(GOOD, applied=GOOD.applied[:2])),
    "one of two targets was reached": (
        10,
        replace(GOOD, items=ITEMS[1:], batches=[Batch(id="bat_1", items=1, withholdings_changed=2), GOOD.batches[1]]),
    ),
    "a batch comes from nowhere": (
        10,
        replace(GOOD, batches=[*GOOD.batches, Batch(id="bat_9", items=0, withholdings_changed=0)]),
    ),
    "a change has no batch": (10, replace(GOOD, items=[*ITEMS[:2], replace(ITEMS[2], batch="bat_9")])),
    "a point is told to be late twice": (12, replace(GOOD, overdue=[overdue("o1"), overdue("o2")])),
    "a point is told to be late too soon": (12, replace(GOOD, overdue=[overdue(at=8.0)])),
    "what was applied counts as pending": (
        12,
        replace(GOOD, enforcements=[Enforcement(point="edge", key=key(ONE), version=1, state="pending", current=True)]),
    ),
    "it never comes to rest": (14, replace(GOOD, quiet_after=None)),
}


@pytest.mark.parametrize("what", BROKEN)
def test_each_broken_promise_is_found(what: str) -> None:
    invariant, broken = BROKEN[what]

    assert invariant in {violation.invariant for violation in check(broken)}


def test_what_the_nemesis_wrote_is_not_held_against_the_product() -> None:
    garbage = Published(topic=STATES, partition=0, offset=3, key="IN/account:one", id="", value=b"?")
    late = record(4, QUEUED[1])
    written = frozenset({(STATES, 0, 3), (STATES, 0, 4)})
    found = replace(
        GOOD,
        published=[*GOOD.published, garbage, late],
        deliberate=Deliberate(written=written, garbage=frozenset({(STATES, 0, 3)})),
        quarantined=frozenset({(STATES, 0, 3)}),
    )

    assert check(found) == []


def test_what_the_broker_lost_on_purpose_may_appear_late_by_a_replay_and_nothing_else_may() -> None:
    late = [record(4, QUEUED[2]), record(5, QUEUED[1])]
    swapped = replace(GOOD, published=[each for each in GOOD.published if each.id not in {one.id for one in late}] + late)

    on_purpose = replace(swapped, deliberate=Deliberate(removed=frozenset({late[1].id})))

    def misplaced(found: Evidence) -> bool:
        return any(each.invariant == 4 and "first appears" in each.what for each in check(found))

    assert (misplaced(swapped), misplaced(on_purpose)) == (True, False)


def test_an_answer_that_was_lost_may_be_stored_or_not() -> None:
    lost = Told(SUBMIT.request, [Attempt(sent_at=1.0, ended_at=2.0, lost="ReadTimeout")])
    never = told(7, "submit", "/v1/directives", {**ORDER, "reference": "ref-7"}, {})
    nobody_knows = Told(never.request, lost.attempts)

    assert check(replace(GOOD, told=[lost, RELEASE, nobody_knows])) == []


def test_an_end_by_somebody_else_takes_the_same_authority() -> None:
    answer: dict[str, object] = {"id": "dir_5", "batch": "bat_5"}
    lifted = told(5, "submit", "/v1/directives", {**ORDER, "kind": "unblock", "reference": "ref-5"}, answer)
    other = replace(STRANGER, id="dir_5", authority="pk-pta", reference="ref-5", kind="unblock")
    ended = ItemVersion(directive=DIR, target=ONE, version=2, state="ended", claims={"IN": "rescinded"}, batch="bat_5")
    found = replace(
        GOOD,
        told=[*GOOD.told, lifted],
        answers={**GOOD.answers, "key-5": Answer(201, answer)},
        directives=[*GOOD.directives, other],
        items=[*ITEMS, ended],
    )

    problems = [violation.what for violation in check(found) if violation.invariant == 9]

    assert "dir_5 of another authority acted on it" in problems[0]


def test_a_claim_inside_a_wider_one_is_none_and_what_is_over_stays_over() -> None:
    item = Item()
    item.claim(["IN"])
    item.claim(["IN-PB"])
    item.stay()
    item.claim(["DE"])
    assert item.claims == {"IN": "suspended", "DE": "suspended"}
    item.unstay()
    item.lift(["IN"])
    item.claim(["IN-PB", "FR"])
    assert item.claims == {"IN": "over", "DE": "live", "FR": "live"}
    item.release(["DE", "FR"])
    item.claim(["DE"])
    item.close()
    assert (item.claims, item.closed) == ({"IN": "over", "DE": "over", "FR": "ended"}, True)
