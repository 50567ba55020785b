import json
from collections.abc import Callable
from typing import Any

import httpx2
import msgspec
import pytest

from services.notifier.history import BlocklistHistory, EventsPurged, HistoryUnavailable
from shared.events import TYPE_OF, CaseEvent, Record
from shared.topics import Topics
from tests.unit.notifier.builders import AT, DIRECTIVE, IN, item, items, key, received, withholding

TOPICS = Topics()

Answer = Callable[[httpx2.Request], httpx2.Response]


def history(answer: Answer) -> BlocklistHistory:
    return BlocklistHistory(httpx2.AsyncClient(base_url="http://blocklist", transport=httpx2.MockTransport(answer)), TOPICS)


def page(*found: Any, next_: str | None = None) -> httpx2.Response:
    return httpx2.Response(200, content=msgspec.json.encode({"items": found, "next": next_}))


def entry(event: CaseEvent) -> dict[str, Any]:
    return {"type": TYPE_OF[type(event)], "revision": event.revision, "at": AT, "data": event, "detail": None}


async def test_all_pages_are_read_and_the_target_is_one_segment_of_the_path() -> None:
    asked: list[tuple[str, dict[str, str]]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.url.raw_path.decode().partition("?")[0], dict(request.url.params)))
        return page(withholding(version=2)) if "cursor" in request.url.params else page(withholding(), next_="more")

    found = await history(answer).versions(key("url:https://ex.org/p?q=1"))

    assert [version.version for version in found] == [1, 2]
    path = "/v1/withholdings/url:https:%2F%2Fex.org%2Fp%3Fq%3D1/history"
    assert asked == [
        (path, {"jurisdiction": "IN", "limit": "1000"}),
        (path, {"jurisdiction": "IN", "limit": "1000", "cursor": "more"}),
    ]


async def test_a_timeline_holds_events_as_they_were_published() -> None:
    events = [received(), items(2, item(), item("hashtag:b"))]

    found = await history(lambda _: page(*map(entry, events))).timeline(DIRECTIVE)

    assert [(record.event, record.at) for record in found] == [(event, AT) for event in events]


async def test_what_the_blocklist_has_never_heard_of_has_no_history() -> None:
    unknown = history(lambda _: httpx2.Response(404))

    assert await unknown.timeline(DIRECTIVE) == []


def refused(_request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("refused")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(refused, id="away"),
        pytest.param(lambda _: httpx2.Response(503), id="in trouble"),
        pytest.param(lambda _: httpx2.Response(200, content=b"<html>"), id="something else answers"),
        pytest.param(lambda _: page({"target": 1}), id="other fields"),
    ],
)
async def test_what_is_no_answer_is_asked_for_again_later(answer: Answer) -> None:
    with pytest.raises(HistoryUnavailable):
        await history(answer).versions(key())


@pytest.mark.parametrize(
    "wrong",
    [{"type": "org.geowithhold.directive.sung.v1"}, {"type": "org.geowithhold.withholding.changed.v1"}, {"data": {}}],
)
async def test_a_timeline_that_is_not_understood_is_not_skipped(wrong: dict[str, Any]) -> None:
    told = json.loads(msgspec.json.encode(entry(received())))

    with pytest.raises(HistoryUnavailable):
        await history(lambda _: page(told | wrong)).timeline(DIRECTIVE)


def numbered(sequence: int, value: object = None) -> dict[str, Any]:
    return {"sequence": sequence, "key": "IN/account:a", "headers": {"ce_id": "1"}, "value": value}


async def test_events_are_asked_for_by_their_number_and_given_byte_for_byte() -> None:
    asked: list[tuple[str, dict[str, str]]] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.url.path, dict(request.url.params)))
        return page(numbered(8, '{"a" : 1}'), numbered(9), numbered(10, msgspec.Raw(b'{"b":  2}')))

    found = await history(answer).events(TOPICS.withholdings, 3, after=7)

    key, headers = b"IN/account:a", (("ce_id", b"1"),)
    assert [(each.sequence, each.record) for each in found] == [
        (8, Record(key, b'{"a" : 1}', headers)),
        (9, Record(key, None, headers)),
        (10, Record(key, b'{"b":  2}', headers)),
    ]
    assert asked == [("/v1/events", {"topic": "withholdings", "partition": "3", "after": "7", "limit": "1000"})]


async def test_events_that_are_purged_are_told_from_a_blocklist_that_is_away() -> None:
    with pytest.raises(EventsPurged) as purged:
        await history(lambda _: httpx2.Response(410, json={"first": 8})).events(TOPICS.directives, 0, after=0)

    assert purged.value.first == 8


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(refused, id="nobody answers"),
        pytest.param(lambda _: httpx2.Response(503), id="an error"),
        pytest.param(lambda _: httpx2.Response(404), id="a release that does not know the route"),
        pytest.param(lambda _: httpx2.Response(200, content=b"nonsense"), id="not the contract"),
        pytest.param(lambda _: page(numbered(1), numbered(3)), id="a hole"),
        pytest.param(lambda _: page(numbered(2)), id="not where it was asked to begin"),
    ],
)
async def test_events_that_cannot_be_had_now_may_be_later(answer: Answer) -> None:
    with pytest.raises(HistoryUnavailable):
        await history(answer).events(TOPICS.withholdings, 0, after=0)


async def test_states_are_asked_for_as_of_a_moment_and_read_page_by_page() -> None:
    asked: list[dict[str, str]] = []
    found = {"target": "account:a", "jurisdiction": "IN", "version": 2, "state": "released", "claimants": []}

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(dict(request.url.params))
        return page(found, next_="more") if len(asked) == 1 else page({**found, "target": "account:b", "version": 1})

    states = [state async for state in history(answer).states(IN, AT)]

    assert states == [(IN, "account:a", 2, "released"), (IN, "account:b", 1, "released")]
    first = {"jurisdiction": "IN", "state": "all", "as_of": "2021-01-31T06:00:00Z", "limit": "1000"}
    assert asked == [first, first | {"cursor": "more"}]
