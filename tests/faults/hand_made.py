"""A small history that holds in every way, for tests that break it in one way at a time."""

import json
from dataclasses import replace

from tests.faults.checker.evidence import (
    Answer,
    Applied,
    Batch,
    Directive,
    Enforcement,
    Evidence,
    ItemVersion,
    Key,
    KeyVersion,
    Lane,
    Moment,
    Point,
    Published,
    Queued,
)
from tests.faults.history import Attempt, Request, Told

STATES, CASES = "geowithhold.withholdings.v1", "geowithhold.directives.v1"
ONE, TWO = "account:one", "account:two"
DIR = "dir_1"
ORDER: dict[str, object] = {
    "authority": "in-meity",
    "legal_basis": "in-it-act-69a-emergency",
    "reference": "ref-1",
    "kind": "block",
    "jurisdictions": ["IN"],
    "targets": [ONE, TWO],
}


def told(number: int, kind: str, path: str, body: dict[str, object], answer: dict[str, object], **more: bool) -> Told:
    request = Request(number=number, client=0, kind=kind, key=f"key-{number}", path=path, body=dict(body), **more)
    return Told(request, [Attempt(sent_at=1.0, ended_at=2.0, status=200, body=answer)])


def refused(number: int, body: dict[str, object], *, wrong: bool = False) -> Told:
    request = Request(
        number=number, client=0, kind="submit", key=f"key-{number}", path="/v1/directives", body=body, must_refuse=wrong
    )
    return Told(request, [Attempt(sent_at=1.0, ended_at=2.0, status=422, body={})])


SUBMITTED: dict[str, object] = {"id": DIR, "batch": "bat_1", "items": {"total": 2}}
RELEASED: dict[str, object] = {"released": 1, "batch": "bat_2"}

SUBMIT = told(1, "submit", "/v1/directives", ORDER, SUBMITTED)
RELEASE = told(2, "release", "/v1/releases", {"directive": DIR, "targets": [TWO], "jurisdictions": ["IN"]}, RELEASED)


def key(target: str, place: str = "IN") -> Key:
    return Key(place, target)


def version(target: str, number: int, *, claimants: frozenset[str] | None = None) -> KeyVersion:
    withheld = number % 2 == 1
    return KeyVersion(
        key=key(target),
        version=number,
        state="withheld" if withheld else "released",
        cause=None if withheld else "error",
        directives=(DIR,),
        claimants=claimants,
    )


def event(row: int, of: KeyVersion, sequence: int) -> Queued:
    value = {
        "target": of.key.target,
        "jurisdiction": of.key.place,
        "state": of.state,
        "version": of.version,
        "cause": of.cause,
        "directives": list(of.directives),
    }
    return Queued(
        service="blocklist",
        row=row,
        topic=STATES,
        partition=0,
        key=str(of.key),
        id=f"{of.key}@{of.version}",
        value=json.dumps(value).encode(),
        published=True,
        sequence=sequence,
    )


def record(offset: int, of: Queued) -> Published:
    return Published(
        topic=of.topic, partition=of.partition, offset=offset, key=of.key, id=of.id, value=of.value, sequence=of.sequence, epoch=1
    )


def applied(of: KeyVersion) -> Applied:
    return Applied(point="edge", run="a", key=of.key, version=of.version, state=of.state)


INTENT = [version(ONE, 1, claimants=frozenset({DIR})), version(TWO, 1), version(TWO, 2, claimants=frozenset())]
QUEUED = [event(row, each, row) for row, each in enumerate(INTENT, 1)]

GOOD = Evidence(
    told=[SUBMIT, RELEASE, refused(3, {**ORDER, "reference": "ref-3", "jurisdictions": []}, wrong=True)],
    answers={"key-1": Answer(201, SUBMITTED), "key-2": Answer(200, RELEASED)},
    directives=[
        Directive(id=DIR, authority="in-meity", reference="ref-1", kind="block", scope=["IN"], status="in_force", revision=3)
    ],
    items=[
        ItemVersion(directive=DIR, target=ONE, version=1, state="complied", claims={"IN": "live"}, batch="bat_1"),
        ItemVersion(directive=DIR, target=TWO, version=1, state="complied", claims={"IN": "live"}, batch="bat_1"),
        ItemVersion(directive=DIR, target=TWO, version=2, state="released", claims={"IN": "error"}, batch="bat_2"),
    ],
    batches=[Batch(id="bat_1", items=2, withholdings_changed=2), Batch(id="bat_2", items=1, withholdings_changed=1)],
    intent=INTENT,
    queued=QUEUED,
    published=[record(offset, each) for offset, each in enumerate(QUEUED)],
    known=[replace(each, claimants=None) for each in INTENT],
    known_directives={DIR: (3, "in_force")},
    ends={(STATES, 0): 3},
    moments=[Moment(1.0, {(STATES, 0): 1}), Moment(2.0, {(STATES, 0): 3})],
    lanes=[Lane(topic=STATES, partition=0, sequence=3, digest="d")],
    seen_lanes=[Lane(topic=STATES, partition=0, sequence=3, digest="d")],
    points=[Point("edge", frozenset({"IN"}))],
    applied=[applied(each) for each in INTENT],
    enforcements=[
        Enforcement(point="edge", key=key(ONE), version=1, state="applied", current=True),
        Enforcement(point="edge", key=key(TWO), version=2, state="applied", current=True),
    ],
)
