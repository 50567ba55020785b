"""Replies over HTTP, with documents made from the record as it was when each was sent."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from tests.integration.notifier.test_api import application
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import DIRECTIVE, after, counts, item, items, noticed, received, replied, report, withholding

REPLIES = f"/v1/directives/{DIRECTIVE}/replies"
ORDER: dict[str, Any] = {"authority": "in-meity", "reference": "14(1)/2021-ES"}


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(application(world)), base_url="http://notifier") as client:
        yield client


async def story(world: World) -> None:
    """Decided at once; applied after ten seconds; reported before that, and after it."""
    both = counts(complied=1, refused=1)
    await world.register()
    await world.tell(received(**ORDER), items(2, item(), item("account:b", "refused", ground="journalist"), tally=both))
    await world.withhold(withholding())
    world.clock.advance(5)
    await world.tell(report_of(3, after(5)), at=after(5))
    world.clock.advance(5)
    await world.report(report(at=after(10)))
    world.clock.advance(10)
    await world.tell(report_of(4, after(20)), at=after(20))


def report_of(revision: int, sent_at: Any) -> Any:
    return replace(replied(revision, sent_at=sent_at, tally=counts(complied=1, refused=1)), kind="effect_report")


async def test_replies_are_listed_in_the_order_in_which_they_were_sent(http: httpx2.AsyncClient, world: World) -> None:
    await story(world)

    first = (await http.get(REPLIES, params={"limit": 1})).json()
    rest = (await http.get(REPLIES, params={"cursor": first["next"]})).json()

    assert first["items"] == [
        {
            "id": "rpl_3",
            "kind": "effect_report",
            "sent_at": "2021-01-31T06:00:05Z",
            "cause": None,
            "impediment_ended_at": None,
            "document": f"{REPLIES}/rpl_3",
        }
    ]
    assert ([each["id"] for each in rest["items"]], rest["next"]) == (["rpl_4"], None)


async def test_a_document_tells_how_things_stood_when_its_reply_was_sent(http: httpx2.AsyncClient, world: World) -> None:
    await story(world)

    before = (await http.get(f"{REPLIES}/rpl_3")).json()
    later = (await http.get(f"{REPLIES}/rpl_4")).json()

    assert [(each["target"], each["outcome"], each["when"]) for each in before["items"]] == [
        ("account:a", "decided_not_yet_applied", None),
        ("account:b", "refused", "2021-01-31T06:00:00Z"),
    ]
    assert (later["items"][0]["effect_given"], later["items"][0]["when"]) == (True, "2021-01-31T06:00:10Z")
    assert (later["form"], later["withheld_within_india_only"]) == ("in-it-act-reply", 1)
    assert later["not_withheld"]["refused_by_ground"] == {"journalist": 1}
    assert later["to"] == {"authority": "in-meity", "name": "Ministry of Electronics and Information Technology, India"}
    assert later["from"] == {"name": "Chirp Ltd", "contact": "legal@chirp.example"}


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ({}, "*/*", "application/json"),
        ({}, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"),
        ({"format": "html"}, "application/json", "text/html; charset=utf-8"),
        ({"format": "json"}, "text/html", "application/json"),
    ],
)
async def test_a_document_is_json_or_a_page(
    http: httpx2.AsyncClient, world: World, query: dict[str, str], accept: str, kind: str
) -> None:
    await story(world)

    answer = await http.get(f"{REPLIES}/rpl_4", params=query, headers={"Accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert "14(1)/2021-ES" in answer.text


async def test_a_page_may_neither_fetch_nor_run_anything(http: httpx2.AsyncClient, world: World) -> None:
    await story(world)

    answer = await http.get(f"{REPLIES}/rpl_4", params={"format": "html"})

    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"


async def test_what_is_unknown_is_not_found(http: httpx2.AsyncClient, world: World) -> None:
    assert (await http.get(REPLIES)).status_code == 404
    assert (await http.get(f"{REPLIES}/rpl_1")).status_code == 404

    await world.tell(received())

    assert (await http.get(REPLIES)).json() == {"items": [], "next": None}
    assert (await http.get(f"{REPLIES}/rpl_1")).status_code == 404


async def test_a_request_for_clarification_names_what_was_missing_then(http: httpx2.AsyncClient, world: World) -> None:
    waiting: dict[str, Any] = {"status": "awaiting_clarification", "tally": counts(undecided=1)}
    ask = replace(replied(2, sent_at=after(1), **waiting), kind="clarification_request")
    await world.tell(received(missing=("redress", "provision"), status="awaiting_clarification"), at=after(0))
    await world.tell(ask, at=after(1))
    answer = replace(noticed(3, kind="clarification", **waiting), supplied=("redress",), notice_received_at=after(2))
    await world.tell(answer, at=after(2))
    await world.tell(replace(replied(4, sent_at=after(3), **waiting), kind="clarification_request"), at=after(3))

    asked = [(await http.get(f"{REPLIES}/rpl_{number}")).json()["missing"] for number in (2, 4)]

    assert asked == [["redress", "provision"], ["provision"]]


async def test_a_reply_that_was_sent_before_anything_was_recorded_is_seen_from_its_own_record(
    http: httpx2.AsyncClient, world: World
) -> None:
    await world.tell(received(legal_basis="xx-future-act"), at=after(10))
    await world.tell(replied(2, sent_at=after(5), legal_basis="xx-future-act"), at=after(20))

    document = (await http.get(f"{REPLIES}/rpl_2")).json()

    assert (document["form"], document["as_of"]) == ("general", "2021-01-31T06:00:20Z")
    assert (document["to"]["name"], document["directive"]["instrument"]) == ("the issuing authority", None)
