"""Every route of the contract, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.notifier.api import ROUTERS
from services.notifier.documents import Platform
from services.notifier.store.quarantine import Quarantined, add
from shared.http.app import create_http_app
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import (
    AT,
    DIRECTIVE,
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

PROBLEM = "application/problem+json"
TIME = "2021-01-31T06:00:05Z"


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    app = application(world)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://notifier") as client:
        yield client


def application(world: World, *, key: str | None = None) -> FastAPI:
    app = create_http_app(title="t", description="d", registry=CollectorRegistry(), lifespan=lambda _: world_lifespan())
    app.state.commands = world.commands
    app.state.admin_key = key
    app.state.platform = Platform(name="Chirp Ltd", contact="legal@chirp.example")
    for router in ROUTERS:
        app.include_router(router)
    return app


def world_lifespan() -> Any:
    raise AssertionError("an ASGI transport starts no lifespan")


def ack(*reports: dict[str, Any], point: str = "search") -> dict[str, Any]:
    one = {"target": "@a", "jurisdiction": "IN", "version": 1, "state": "applied", "at": TIME}
    return {"point": point, "items": [one | each for each in reports or ({},)]}


def pointers(answer: httpx2.Response) -> list[str]:
    assert answer.headers["content-type"] == PROBLEM
    return [fault.get("pointer", fault.get("parameter")) for fault in answer.json()["errors"]]


async def test_a_point_is_registered_shown_and_listed(http: httpx2.AsyncClient) -> None:
    made = await http.put("/v1/enforcement-points/search", json={"jurisdictions": ["EEA"], "target_types": ["account"]})
    await http.put("/v1/enforcement-points/cdn", json={"jurisdictions": ["IN"], "ack_within_seconds": 5})

    assert made.status_code == 200
    assert made.json() == (await http.get("/v1/enforcement-points/search")).json()
    assert (made.json()["jurisdictions"], len(made.json()["expanded"])) == (["EEA"], 30)
    assert (made.json()["target_types"], made.json()["ack_within_seconds"]) == (["account"], 60)
    listed = (await http.get("/v1/enforcement-points", params={"limit": 1})).json()
    assert [each["id"] for each in listed["items"]] == ["cdn"]
    rest = (await http.get("/v1/enforcement-points", params={"cursor": listed["next"]})).json()
    assert ([each["id"] for each in rest["items"]], rest["next"]) == (["search"], None)
    assert listed["items"][0]["target_types"] == ["account", "hashtag", "post", "url"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"jurisdictions": []}, "/jurisdictions"),
        ({"jurisdictions": ["IN", "Narnia"]}, "/jurisdictions/1"),
        ({"jurisdictions": ["IN"], "target_types": ["song"]}, "/target_types/0"),
        ({"jurisdictions": ["IN"], "ack_within_seconds": 0}, "/ack_within_seconds"),
        ({"jurisdictions": ["IN"], "typo": 1}, "/typo"),
        ({}, "/jurisdictions"),
    ],
)
async def test_a_point_that_is_not_valid_is_refused(http: httpx2.AsyncClient, body: dict[str, Any], pointer: str) -> None:
    answer = await http.put("/v1/enforcement-points/search", json=body)

    assert answer.status_code == 422
    assert pointers(answer) == [pointer]
    assert (await http.get("/v1/enforcement-points/search")).status_code == 404


async def test_a_point_has_a_name_that_a_label_takes(http: httpx2.AsyncClient) -> None:
    answer = await http.put("/v1/enforcement-points/Search!", json={"jurisdictions": ["IN"]})

    assert (answer.status_code, pointers(answer)) == (422, ["point_id"])


async def test_a_point_acknowledges_and_what_it_did_is_listed(http: httpx2.AsyncClient, world: World) -> None:
    await world.register()
    await world.withhold(withholding(), withholding("hashtag:b"))
    world.clock.advance(10)

    answer = await http.post("/v1/enforcements/ack", json=ack({}, {"target": {"type": "hashtag", "id": "B"}, "version": 9}))

    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "ignored": 0})
    listed = (await http.get("/v1/enforcements", params={"state": "applied"})).json()
    assert listed == {
        "items": [
            {
                "point": "search",
                "target": "account:a",
                "jurisdiction": "IN",
                "version": 1,
                "state": "applied",
                "since": "2021-01-31T06:00:00Z",
                "due_at": "2021-01-31T06:01:00Z",
                "applied_at": TIME,
                "reported_at": TIME,
                "detail": None,
                "unknown": False,
            }
        ],
        "next": None,
    }


async def test_an_answer_that_comes_too_late_is_ignored(http: httpx2.AsyncClient, world: World) -> None:
    await world.register()
    await world.withhold(withholding(), withholding(version=2))

    answer = await http.post("/v1/enforcements/ack", json=ack({}, {"version": 2}))

    assert answer.json() == {"accepted": 1, "ignored": 1}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (ack({}, {"target": "nobody"}, {"jurisdiction": "EU"}), ["/items/1/target", "/items/2/jurisdiction"]),
        (ack({"state": "pending"}, {"version": 0}), ["/items/0/state", "/items/1/version"]),
        (ack({"at": "2021-01-31T06:00:00"}), ["/items/0/at"]),
        (ack({"at": 1612072800}), ["/items/0/at"]),
        (ack({"detail": "\x00"}), ["/items/0/detail"]),
        (ack({}, {"at": "2021-01-31T07:00:00Z"}), ["/items/1/at"]),
        (ack({"version": True}), ["/items/0/version"]),
        (ack(point="nobody"), ["/point"]),
        ({"point": "search", "items": []}, ["/items"]),
        ({"point": "search", "items": ack()["items"] * 10_001}, ["/items"]),
    ],
)
async def test_one_malformed_item_refuses_the_whole_acknowledgement(
    http: httpx2.AsyncClient, world: World, body: dict[str, Any], found: list[str]
) -> None:
    await world.register()
    await world.withhold(withholding())

    answer = await http.post("/v1/enforcements/ack", json=body)

    assert answer.status_code == 422
    assert pointers(answer) == found
    assert await world.answers() == [("search", "account:a", 1, "pending")]


async def several(world: World) -> None:
    await world.register("search", "IN", "DE")
    await world.register("cdn", "IN")
    await world.withhold(withholding(), withholding("hashtag:b"), withholding(jurisdiction="DE"))
    await world.withhold(withholding("hashtag:b", version=2))
    await world.report(report(), report("account:c", version=4))
    await world.tell(received(), items(2, item(places=("IN",)), item("hashtag:b", "released"), tally=counts(complied=2)))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["DE a 1 search", "IN a 1 cdn", "IN a 1 search", "IN b 2 cdn", "IN b 2 search"]),
        ({"jurisdiction": "DE"}, ["DE a 1 search"]),
        ({"point": "cdn"}, ["IN a 1 cdn", "IN b 2 cdn"]),
        ({"state": "applied"}, ["IN a 1 search"]),
        ({"state": "superseded"}, ["IN b 1 cdn", "IN b 1 search"]),
        ({"target": "#B"}, ["IN b 2 cdn", "IN b 2 search"]),
        ({"directive": DIRECTIVE, "point": "search"}, ["IN a 1 search", "IN b 2 search"]),
        ({"directive": "dir_unheard_of"}, []),
    ],
)
async def test_enforcements_are_filtered(http: httpx2.AsyncClient, world: World, query: dict[str, str], found: list[str]) -> None:
    await several(world)

    listed = (await http.get("/v1/enforcements", params=query)).json()

    assert [row(each) for each in listed["items"]] == found


def row(each: dict[str, Any]) -> str:
    return f"{each['jurisdiction']} {each['target'].partition(':')[2]} {each['version']} {each['point']}"


async def test_the_pages_of_a_list_are_all_of_it(http: httpx2.AsyncClient, world: World) -> None:
    await several(world)
    whole = (await http.get("/v1/enforcements")).json()["items"]
    paged, cursor = [], ""
    while cursor is not None:
        page = (await http.get("/v1/enforcements", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        assert len(page["items"]) <= 2
        paged += page["items"]
        cursor = page["next"]

    assert paged == whole


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"jurisdiction": "Narnia"}, "jurisdiction"),
        ({"target": "nobody"}, "target"),
        ({"state": "asleep"}, "state"),
        ({"point": "!"}, "point"),
        ({"limit": 1001}, "limit"),
        ({"cursor": "?"}, "cursor"),
    ],
)
async def test_a_filter_that_is_not_valid_is_named(http: httpx2.AsyncClient, query: dict[str, Any], parameter: str) -> None:
    answer = await http.get("/v1/enforcements", params=query)

    assert (answer.status_code, pointers(answer)) == (422, [parameter])


async def test_how_a_directive_is_complied_with(http: httpx2.AsyncClient, world: World) -> None:
    await world.register()
    tally = counts(complied=1, refused=1, released={"platform_decision": 1})
    released = item("account:r", "released", cause="platform_decision", unilateral=True)
    await world.tell(
        received(tally=tally),
        items(2, item(), item("account:b", "refused"), released, tally=tally),
        noticed(3, tally=tally),
        replied(4, sent_at=after(60), tally=tally),
    )
    await world.withhold(withholding())
    await world.report(report())

    answer = await http.get(f"/v1/directives/{DIRECTIVE}/compliance")

    assert answer.status_code == 200
    found = answer.json()
    clocks = found.pop("clocks")
    assert found == COMPLIANCE
    assert [(clock["duty"], clock["state"], clock["verified"]) for clock in clocks] == [
        ("ack", "met", False),
        ("reply", "met", False),
    ]
    assert clocks[0]["met_at"] == "2021-01-31T06:01:00Z"


COMPLIANCE = {
    "directive": DIRECTIVE,
    "status": "non_compliant",
    "directive_status": "in_force",
    "specified": 3,
    "withheld": 1,
    "refused": 1,
    "undecided": 0,
    "not_located": 0,
    "withdrawn": 0,
    "released": {
        "rescinded": 0,
        "superseded": 0,
        "expired": 0,
        "quashed": 0,
        "stayed": 0,
        "interim_lapsed": 0,
        "error": 0,
        "appeal": 0,
        "platform_decision": 1,
    },
    "enforced": 1,
    "pending": 0,
    "overdue": 0,
    "uncovered": 0,
    "notices": 1,
    "replies": 1,
    "held": 0,
    "unknown": False,
    "exposure": {
        "legal_basis": "in-it-act-69a",
        "maximum": "imprisonment up to 7 years and fine, amount not stated in the section",
        "provision": "s.69A(3)",
        "imprisonment_years_max": 7,
        "unmet_items": 2,
        "verified": True,
        "source": "Information Technology Act 2000, s.69A(3)",
        "per_day_minor": None,
        "currency": None,
        "accrued_minor": None,
        "since": "2021-01-31T06:00:00Z",
        "unmet": [
            {"what": "non_compliance", "since": "2021-01-31T06:00:00Z"},
            {"what": "unilateral_release", "since": "2021-01-31T06:00:00Z"},
        ],
        "at_risk": ["the intermediary", "its officers, who have been threatened personally"],
        "clauses": [
            {
                "provision": "s.69A(3)",
                "maximum": "imprisonment up to 7 years and fine, amount not stated in the section",
                "imprisonment_years_max": 7,
                "turnover_percent_max": None,
                "fine_max_minor": None,
                "currency": None,
                "per_day": None,
                "per_day_minor": None,
                "days": 0,
                "accrued_minor": None,
                "at_risk": ["the intermediary", "its officers, who have been threatened personally"],
                "cited": True,
                "verified": True,
                "source": "Information Technology Act 2000, s.69A(3)",
            }
        ],
    },
}


async def test_a_directive_of_which_nothing_has_been_heard_is_not_there(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/v1/directives/dir_1/compliance")

    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


async def test_how_a_jurisdiction_stands(http: httpx2.AsyncClient, world: World) -> None:
    await several(world)

    found = (await http.get("/v1/jurisdictions/IN")).json()

    exposure = found.pop("exposure")
    assert found == {
        "jurisdiction": "IN",
        "withheld": 1,
        "released": 1,
        "unilateral_releases": 1,
        "enforcements": {"pending": 3, "applied": 1, "failed": 0, "overdue": 0, "reverted": 0},
        "overdue": 0,
        "next_due_at": "2021-01-31T06:01:00Z",
        "unknown": 0,
    }
    assert (exposure["unmet_items"], [each["unmet_items"] for each in exposure["by_legal_basis"]]) == (2, [2])


async def test_jurisdictions_are_listed_by_their_code(http: httpx2.AsyncClient, world: World) -> None:
    await several(world)

    first = (await http.get("/v1/jurisdictions", params={"limit": 1})).json()
    rest = (await http.get("/v1/jurisdictions", params={"cursor": first["next"]})).json()

    assert [each["jurisdiction"] for each in first["items"]] == ["DE"]
    assert rest["items"] == [(await http.get("/v1/jurisdictions/IN")).json()]
    assert rest["next"] is None


async def test_a_jurisdiction_without_anything_is_all_zeros(http: httpx2.AsyncClient) -> None:
    found = (await http.get("/v1/jurisdictions/BR")).json()

    assert (found["withheld"], found["next_due_at"], found["exposure"]) == (0, None, {"unmet_items": 0, "by_legal_basis": []})


@pytest.mark.parametrize("code", ["in", "EU", "Narnia"])
async def test_what_is_no_jurisdiction_is_not_there(http: httpx2.AsyncClient, code: str) -> None:
    answer = await http.get(f"/v1/jurisdictions/{code}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


async def test_records_that_were_set_aside_are_listed_with_their_bytes(http: httpx2.AsyncClient, world: World) -> None:
    records = [
        Quarantined(topic="t", partition=1, offset=2, reason="no", key=b"IN/account:a", value=b"\xff", at=AT),
        Quarantined(topic="t", partition=1, offset=3, reason="no", key=b"", value=None, at=AT),
    ]
    await world.database.write(lambda connection: add(connection, records))

    first = (await http.get("/v1/quarantine", params={"limit": 1})).json()
    rest = (await http.get("/v1/quarantine", params={"cursor": first["next"]})).json()

    assert first["items"] == [
        {
            "id": 1,
            "topic": "t",
            "partition": 1,
            "offset": 2,
            "reason": "no",
            "key": "SU4vYWNjb3VudDph",
            "value": "/w==",
            "at": "2021-01-31T06:00:00Z",
            "headers": None,
            "state": "open",
            "closed_at": None,
            "about": None,
            "held": False,
            "freed_at": None,
            "freed_by": None,
            "actions": [],
        }
    ]
    assert [(each["key"], each["value"]) for each in rest["items"]] == [("", None)]
