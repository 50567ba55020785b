"""Which deadlines run out next, over HTTP and in the gauges."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from services.notifier.clock_metrics import ClockStateMetrics
from shared.http.pages import encode_cursor
from shared.ids import DirectiveId, Jurisdiction
from tests.integration.notifier.test_api import application, pointers
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import AT, DIRECTIVE, IN, OTHER_DIRECTIVE, after, counts, received, replied

DE = Jurisdiction("DE")
HOUR = 3600
UNDECIDED = counts(undecided=1)


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(application(world)), base_url="http://notifier") as client:
        yield client


async def ordered(world: World, directive: DirectiveId, due: float, *places: Jurisdiction, **other: Any) -> None:
    """An order under a law that nobody here knows: it has the clock that it sets itself, and no other."""
    told: dict[str, Any] = {
        "legal_basis": "zz-unheard-of",
        "due_at": after(due),
        "jurisdictions": places or (IN,),
        "tally": UNDECIDED,
    }
    await world.tell(received(directive=directive, **(told | other)))


async def listed(http: httpx2.AsyncClient, **query: Any) -> list[tuple[str, str, str]]:
    answer = await http.get("/v1/clocks", params=query)
    assert answer.status_code == 200
    return [(each["directive"], each["duty"], each["state"]) for each in answer.json()["items"]]


async def test_clocks_are_listed_in_the_order_in_which_they_fall_due(world: World, http: httpx2.AsyncClient) -> None:
    await ordered(world, DIRECTIVE, 2 * HOUR)
    await ordered(world, OTHER_DIRECTIVE, HOUR)

    first = (await http.get("/v1/clocks", params={"limit": 1})).json()
    rest = (await http.get("/v1/clocks", params={"limit": 1, "cursor": first["next"]})).json()

    assert first["items"] == [
        {
            "duty": "restrict",
            "state": "running",
            "trigger": "order",
            "starts_at": "2021-01-31T06:00:00Z",
            "due_at": "2021-01-31T07:00:00Z",
            "met_at": None,
            "breached_at": None,
            "verified": True,
            "pausable": False,
            "paused_at": None,
            "left_seconds": None,
            "warned": 0,
            "source": "set by the order",
            "directive": OTHER_DIRECTIVE,
            "jurisdictions": ["IN"],
            "legal_basis": "zz-unheard-of",
        }
    ]
    assert ([each["directive"] for each in rest["items"]], rest["next"]) == ([DIRECTIVE], None)


async def test_clocks_are_found_by_place_duty_state_and_time(world: World, http: httpx2.AsyncClient) -> None:
    await ordered(world, DIRECTIVE, HOUR, IN, DE)
    await world.tell(received(directive=OTHER_DIRECTIVE), replace(replied(2, sent_at=AT), directive=OTHER_DIRECTIVE))
    world.clock.advance(HOUR)
    await world.let_time_work()
    breached, met = (DIRECTIVE, "restrict", "breached"), (OTHER_DIRECTIVE, "ack", "met")

    assert await listed(http) == [breached]
    assert await listed(http, jurisdiction="DE") == [breached]
    assert await listed(http, jurisdiction="FR") == []
    assert await listed(http, duty="ack", state="met") == [met]
    assert await listed(http, duty="ack") == []
    assert await listed(http, due_before="2021-01-31T07:00:01Z") == [breached]
    assert await listed(http, due_before="2021-01-31T07:00:00Z") == []


async def test_a_breach_is_shown_before_it_is_recorded(world: World, http: httpx2.AsyncClient) -> None:
    await ordered(world, DIRECTIVE, HOUR)
    world.clock.advance(HOUR)

    assert await listed(http) == [(DIRECTIVE, "restrict", "breached")]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"state": "asleep"}, "state"),
        ({"duty": "dance"}, "duty"),
        ({"due_before": "tomorrow"}, "due_before"),
        ({"due_before": "2021-01-31T07:00:00"}, "due_before"),
        ({"jurisdiction": "EU"}, "jurisdiction"),
        ({"cursor": encode_cursor(["tomorrow", "d", "ack"])}, "cursor"),
        ({"cursor": encode_cursor([datetime(2021, 1, 31).isoformat(), "d", "ack"])}, "cursor"),  # noqa: DTZ001
    ],
)
async def test_what_cannot_be_asked_for_is_named(http: httpx2.AsyncClient, query: dict[str, str], parameter: str) -> None:
    answer = await http.get("/v1/clocks", params=query)

    assert answer.status_code == 422
    assert pointers(answer) == [parameter]


async def test_open_clocks_are_counted_by_place_duty_state_and_how_soon(world: World) -> None:
    await ordered(world, DIRECTIVE, 30 * 60, IN, DE)
    await ordered(world, OTHER_DIRECTIVE, 7 * HOUR)
    third = DirectiveId(f"dir_{3:032x}")
    await ordered(world, third, 60)
    world.clock.advance(60)
    await world.let_time_work()
    instruments = CollectorRegistry()

    await ClockStateMetrics(instruments, world.database, world.clock).refresh()

    def clocks(place: str, state: str) -> float | None:
        labels = {"jurisdiction": place, "duty": "restrict", "state": state}
        return instruments.get_sample_value("geowithhold_clocks", labels)

    def within(place: str) -> dict[str, float | None]:
        name = "geowithhold_clocks_due_within"
        spans = ("1h", "6h", "24h", "overdue")
        return {span: instruments.get_sample_value(name, {"jurisdiction": place, "within": span}) for span in spans}

    assert (clocks("IN", "running"), clocks("IN", "breached"), clocks("DE", "running")) == (2, 1, 1)
    assert within("IN") == {"1h": 1, "6h": 1, "24h": 2, "overdue": 1}
    assert within("DE") == {"1h": 1, "6h": 1, "24h": 1, "overdue": 0}
