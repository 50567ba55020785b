"""Appeals over HTTP: received, listed, upheld, rejected, and never published."""

import asyncio
from typing import Any

import pytest

from tests.support.blocklist import Api, decoded, queued
from tests.support.builders import order_json

TEXT = "this is a secret text"
MEMO = {"memo": "the committee agrees"}


async def appeal(api: Api, directive: dict[str, Any], target: Any = "@a", status: int = 201, **changes: Any) -> dict[str, Any]:
    body = {"directive": directive["id"], "target": target, "text": TEXT, **changes}
    return await api.post("/v1/appeals", body, status)


async def conclude(api: Api, received: dict[str, Any], outcome: str, status: int = 200, **changes: Any) -> dict[str, Any]:
    return await api.post(f"/v1/appeals/{received['id']}/outcome", {"outcome": outcome, **MEMO, **changes}, status)


async def codes(api: Api, target: str) -> list[str]:
    found: list[str] = (await api.get(f"/v1/withholdings/{target}"))["withheld"]["country_codes"]
    return found


async def test_an_appeal_is_recorded_and_shown(api: Api) -> None:
    directive = await api.submit(order_json("@a"))

    received = await appeal(api, directive, received_at="2021-02-01T06:00:00Z")

    assert received["id"].startswith("apl_")
    assert received == {
        "id": received["id"],
        "directive": directive["id"],
        "target": "account:a",
        "state": "received",
        "text": TEXT,
        "received_at": "2021-02-01T06:00:00Z",
        "concluded_at": None,
        "memo": None,
        "approvers": None,
    }
    assert await api.get(f"/v1/appeals/{received['id']}") == received


async def test_upheld_ends_that_directive_s_claim_on_that_target_alone(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b"))
    other = await api.submit(order_json("@a", reference="second"))
    received = await appeal(api, directive)

    answer = await conclude(api, received, "upheld", approvers=["Asha"])

    shown = await api.get(f"/v1/directives/{directive['id']}")
    assert (answer["state"], answer["memo"], answer["approvers"]) == ("upheld", "the committee agrees", ["Asha"])
    assert (answer["released"], answer["still_withheld"], answer["withholdings_changed"]) == (1, 1, 0)
    assert (shown["released_by_cause"]["appeal"], shown["items"]["complied"]) == (1, 1)
    assert (await codes(api, "@a"), await codes(api, "@b")) == (["IN"], ["IN"])
    await conclude(api, await appeal(api, other), "upheld")
    assert await codes(api, "@a") == []


async def test_rejected_changes_nothing_but_the_appeal(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    received = await appeal(api, directive)

    answer = await conclude(api, received, "rejected")

    assert (answer["state"], answer["released"], answer["withholdings_changed"], answer["batch"]) == ("rejected", 0, 0, None)
    assert await codes(api, "@a") == ["IN"]


@pytest.mark.parametrize("first", ["upheld", "rejected"])
@pytest.mark.parametrize("second", ["upheld", "rejected"])
async def test_an_appeal_is_concluded_once(sqlite_api: Api, first: str, second: str) -> None:
    directive = await sqlite_api.submit(order_json("@a"))
    received = await appeal(sqlite_api, directive)
    await conclude(sqlite_api, received, first)
    before = await sqlite_api.rows()

    await conclude(sqlite_api, received, second, 409)

    assert await sqlite_api.rows() == before


async def test_two_outcomes_at_once_are_one(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    received = await appeal(api, directive)
    path = f"/v1/appeals/{received['id']}/outcome"

    outcomes = ("upheld", "rejected")
    answers = await asyncio.gather(*(api.client.post(path, json={"outcome": each, **MEMO}) for each in outcomes))

    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_an_appeal_may_be_upheld_after_the_claim_ended_otherwise(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    received = await appeal(api, directive)
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all"})

    answer = await conclude(api, received, "upheld")

    assert (answer["state"], answer["released"]) == ("upheld", 0)


async def test_what_happened_is_published_without_the_text(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    received = await appeal(api, directive)
    await conclude(api, received, "upheld")

    records = await api.database.read(queued)

    told = [envelope.data for envelope in decoded(records) if envelope.type == "org.geowithhold.directive.appealed.v1"]
    assert [(getattr(event, "appeal", None), getattr(event, "outcome", 0)) for event in told] == [
        (received["id"], None),
        (received["id"], "upheld"),
    ]
    assert [record for record in records if TEXT.encode() in (record.value or b"")] == []


async def test_neither_timeline_nor_exports_hold_the_text(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    await conclude(api, await appeal(api, directive), "rejected")

    timeline = await api.get(f"/v1/directives/{directive['id']}/timeline")
    notice = await api.get(f"/v1/directives/{directive['id']}/exports/lumen", permission="a letter")

    assert TEXT not in str(timeline) + str(notice)
    assert timeline["items"][-1]["detail"] == {**MEMO, "approvers": [], "approvers_verified": False}


async def test_appeals_are_listed_in_order_and_filtered(api: Api) -> None:
    one, two = await api.submit(order_json("@a", "@b")), await api.submit(order_json("@a", reference="second"))
    ids = [(await appeal(api, directive, target))["id"] for directive, target in ((one, "@a"), (one, "@b"), (two, "@a"))]
    await conclude(api, {"id": ids[1]}, "rejected")

    async def listed(**query: Any) -> list[str]:
        return [found["id"] for found in (await api.get("/v1/appeals", **query))["items"]]

    assert await listed() == ids
    assert await listed(directive=one["id"]) == ids[:2]
    assert await listed(target="@A") == [ids[0], ids[2]]
    assert await listed(state="rejected") == [ids[1]]
    assert await listed(limit=1, cursor=(await api.get("/v1/appeals", limit=1))["next"]) == [ids[1]]


async def test_a_rehearsed_outcome_changes_nothing(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    received = await appeal(api, directive)
    before = await api.rows()

    answer = await conclude(api, received, "upheld", dry_run=True)

    assert (answer["dry_run"], answer["released"]) == (True, 1)
    assert await api.rows() == before


async def test_the_same_request_under_one_key_is_one_appeal(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    body = {"directive": directive["id"], "target": "@a", "text": TEXT}

    answers = [await api.post("/v1/appeals", body, 201, key="once") for _ in range(2)]

    assert answers[0] == answers[1]
    assert len((await api.get("/v1/appeals"))["items"]) == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"target": "@b"}, "/target"),
        ({"target": "no target"}, "/target"),
        ({"target": None}, "/target"),
        ({"text": ""}, "/text"),
        ({"text": "x" * 10_001}, "/text"),
        ({"received_at": "2999-01-01T00:00:00Z"}, "/received_at"),
        ({"directive": "no/id"}, "/directive"),
        ({"extra": 1}, "/extra"),
    ],
)
async def test_a_wrong_appeal_is_refused_at_the_field_at_fault(sqlite_api: Api, changes: Any, pointer: str) -> None:
    directive = await sqlite_api.submit(order_json("@a"))
    before = await sqlite_api.rows()

    body = {"directive": directive["id"], "target": "@a", "text": TEXT, **changes}
    refused = await sqlite_api.post("/v1/appeals", body, 422)

    assert [fault["pointer"] for fault in refused["errors"]] == [pointer]
    assert await sqlite_api.rows() == before


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"outcome": "ignored"}, "/outcome"),
        ({"memo": " "}, "/memo"),
        ({"memo": None}, "/memo"),
        ({"approvers": [""]}, "/approvers/0"),
    ],
)
async def test_a_wrong_outcome_is_refused_at_the_field_at_fault(sqlite_api: Api, changes: Any, pointer: str) -> None:
    directive = await sqlite_api.submit(order_json("@a"))
    received = await appeal(sqlite_api, directive)

    refused = await sqlite_api.post(f"/v1/appeals/{received['id']}/outcome", {"outcome": "upheld", **MEMO, **changes}, 422)

    assert [fault["pointer"] for fault in refused["errors"]] == [pointer]


async def test_there_is_no_appeal_of_what_is_not_claimed_or_not_there(sqlite_api: Api) -> None:
    directive = await sqlite_api.submit(order_json("@a", legal_basis="in-it-act-69a"))

    await appeal(sqlite_api, directive, status=409)
    await appeal(sqlite_api, {"id": "dir_none"}, status=404)
    await sqlite_api.get("/v1/appeals/apl_none", 404)
    await conclude(sqlite_api, {"id": "apl_none"}, "upheld", 404)
    refused = await sqlite_api.get("/v1/appeals", 422, target="no target")
    assert [fault["parameter"] for fault in refused["errors"]] == ["target"]
