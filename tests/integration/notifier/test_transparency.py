"""The transparency report over HTTP, on a small world whose figures are known."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from services.notifier.handlers.deadlines import run_out
from tests.integration.notifier.test_api import application, pointers
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import (
    DIRECTIVE,
    OTHER_DIRECTIVE,
    after,
    counts,
    item,
    items,
    noticed,
    received,
    replied,
    report,
    withholding,
)

URL = "/v1/transparency"
DAY = {"from": "2021-01-31", "to": "2021-02-01", "audience": "internal"}
ORDER: dict[str, Any] = {"authority": "=in-meity", "reference": "a very secret reference", "sealed": True}


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(application(world)), base_url="http://notifier") as client:
        yield client


async def story(world: World) -> None:
    """One order of three items, of which one is withheld, restored and withheld again; and an informal request."""
    await world.register("search")
    await world.register("cdn")
    changed = (item(), item("account:b", "refused", ground="news_media"), item("post:1", "not_located"))
    tally = counts(complied=1, refused=1, not_located=1)
    await world.tell(received(due_at=after(60), **ORDER), items(2, *changed, tally=tally, due_at=after(60), **ORDER))
    await world.withhold(withholding())
    world.clock.advance(10)
    await world.report(report(at=after(5)), report(point="cdn", at=after(10)))
    await world.tell(replied(3, sent_at=after(10), tally=tally, due_at=after(60), **ORDER))
    world.clock.advance(10)
    restored = item(decision="released", cause="platform_decision", unilateral=True)
    await world.tell(items(4, restored, tally=counts(refused=1, not_located=1), due_at=after(60), **ORDER))
    await world.withhold(withholding(version=2, effective_at=after(20)))
    hearing = noticed(5, kind="hearing", tally=counts(refused=1, not_located=1), due_at=after(60), **ORDER)
    await world.tell(replace(hearing, notice_received_at=after(20), notice_due_at=after(40)))
    world.clock.advance(50)
    while await world.commands.run(lambda unit: run_out(unit, limit=100)):
        pass
    await world.tell(noticed(6, tally=counts(refused=1, not_located=1), due_at=after(60), **ORDER))
    await world.tell(items(7, item(), tally=tally, due_at=after(60), **ORDER))
    await world.withhold(withholding(version=3, effective_at=after(70)))
    informal: dict[str, Any] = {"authority": "=in-meity", "channel": "informal", "directive": OTHER_DIRECTIVE}
    await world.tell(received(**informal), items(2, item("account:z", "refused"), tally=counts(refused=1), **informal))
    world.clock.advance(3600)


async def test_every_figure_of_a_small_world(http: httpx2.AsyncClient, world: World) -> None:
    await story(world)

    found = (await http.get(URL, params=DAY)).json()

    (row,) = found["rows"]
    assert [row.pop(name) for name in ("jurisdiction", "authority", "legal_basis")] == ["IN", "=in-meity", "in-it-act-69a"]
    assert row == found["totals"]
    assert row["directives"] == {"block": 1, "unblock": 0}
    assert (row["unofficial_requests"], row["unofficial_targets"], row["sealed"], row["targets"]) == (1, 1, 1, 3)
    assert {name: count for name, count in row["decisions"].items() if count} == {"complied": 1, "refused": 1, "not_located": 1}
    assert row["refused_by_ground"] == {"news_media": 1}
    assert row["withheld"] == {"account": 1, "post": 0, "hashtag": 0, "url": 0}
    assert {cause: count for cause, count in row["released_by_cause"].items() if count} == {"platform_decision": 1}
    assert (row["restored_by_the_platform"], row["news_outlets_targeted"], row["journalists_targeted"]) == (1, 1, 0)
    assert row["seconds_to_acknowledge"] == {"cases": 1, "median": 10.0, "p95": 10.0}
    assert row["seconds_to_effect"] == {"cases": 1, "median": 10.0, "p95": 10.0}
    assert (row["notices"], row["breaches"]) == ({"hearing": 1, "non_compliance": 1}, {"reply": 1})


async def test_figures_as_of_a_past_moment(http: httpx2.AsyncClient, world: World) -> None:
    await story(world)

    found = (await http.get(URL, params=DAY | {"as_of": "2021-01-31T06:00:07Z"})).json()["totals"]

    assert (found["decisions"]["complied"], found["restored_by_the_platform"], found["unofficial_requests"]) == (1, 0, 0)
    assert (found["seconds_to_acknowledge"]["cases"], found["seconds_to_effect"]["cases"]) == (0, 0)
    assert found["breaches"] == {}


async def test_the_public_sees_bounds_and_nobody_sees_what_is_sealed(http: httpx2.AsyncClient, world: World) -> None:
    await story(world)

    answers = [await http.get(URL, params=DAY | {"format": kind, "audience": "public"}) for kind in ("json", "csv", "html")]

    assert answers[0].json()["totals"]["directives"] == {"block": "<10", "unblock": 0}
    for answer in answers:
        assert "secret" not in answer.text
        assert DIRECTIVE not in answer.text
        assert "account:" not in answer.text


async def test_the_table_is_a_file_without_formulas(http: httpx2.AsyncClient, world: World) -> None:
    await story(world)

    answer = await http.get(URL, params=DAY | {"format": "csv"})

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="transparency_2021-01-31_2021-02-01.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["authority"], row["decisions_complied"]) == ("'=in-meity", "1")


async def test_the_page(http: httpx2.AsyncClient, world: World) -> None:
    await story(world)

    answer = await http.get(URL, params=DAY | {"format": "html"})

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "IN · =in-meity · in-it-act-69a" in answer.text


@pytest.mark.parametrize(
    "query",
    [
        {"from": "2021-02-01", "to": "2021-02-02"},
        {"to": "2021-01-31T06:00:00Z"},
        {"jurisdiction": "DE"},
        {"authority": "in-meity"},
        {"legal_basis": "eu-tco"},
    ],
)
async def test_what_was_not_received_then_there_or_under_that_law_is_not_counted(
    http: httpx2.AsyncClient, world: World, query: dict[str, str]
) -> None:
    await story(world)

    found = (await http.get(URL, params=DAY | query)).json()

    assert (found["rows"], found["totals"]["targets"], found["totals"]["directives"]) == ([], 0, {"block": 0, "unblock": 0})


async def test_an_order_counts_in_each_of_its_jurisdictions(http: httpx2.AsyncClient, world: World) -> None:
    both: Any = ("IN", "DE")
    await world.tell(received(jurisdictions=both), replace(items(2, item(places=both)), jurisdictions=both))

    found = (await http.get(URL, params=DAY | {"jurisdiction": "DE"})).json()
    everything = (await http.get(URL, params=DAY)).json()

    assert [(row["jurisdiction"], row["authority"], row["targets"]) for row in found["rows"]] == [("DE", None, 1)]
    assert [row["jurisdiction"] for row in everything["rows"]] == ["DE", "IN"]
    assert everything["totals"]["targets"] == 1


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"from": "2021-02-01", "to": "2021-02-01"}, "to"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2021-13-01"}, "from"),
        ({"to": "2021-02-01T00:00:00"}, "to"),
        ({"as_of": "2022-01-01T00:00:00Z"}, "as_of"),
        ({"jurisdiction": "EU"}, "jurisdiction"),
        ({"format": "xlsx"}, "format"),
        ({"audience": "everyone"}, "audience"),
        ({"authority": "\x00"}, "authority"),
    ],
)
async def test_what_cannot_be_meant_is_refused(http: httpx2.AsyncClient, query: dict[str, str], parameter: str) -> None:
    answer = await http.get(URL, params=DAY | query)

    assert (answer.status_code, pointers(answer)) == (422, [parameter])
