"""Batches: named in every answer, listed, and taken back."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.blocklist import Api
from tests.support.builders import later_json, order_json

MEMO = {"memo": "wrong list"}
EYES: dict[str, Any] = {**MEMO, "approvers": ["Asha", "Ravi"]}
COMPLY: dict[str, Any] = {"decision": "comply", "targets": "all"}
RESTORE: dict[str, Any] = {
    "cause": "platform_decision", "targets": "all", "jurisdictions": ["IN"], "memo": "restored", "approvers": ["Asha", "Ravi"],
}  # fmt: skip


async def decide(api: Api, directive: dict[str, Any], **body: Any) -> dict[str, Any]:
    return await api.post(f"/v1/directives/{directive['id']}/decisions", {**COMPLY, **body})


async def restore(api: Api, directive: dict[str, Any], **body: Any) -> dict[str, Any]:
    return await api.post("/v1/releases", {**RESTORE, "directive": directive["id"], **body})


async def undo(api: Api, batch: dict[str, Any], status: int = 200, **body: Any) -> dict[str, Any]:
    return await api.post(f"/v1/batches/{batch['batch']}/undo", {**MEMO, **body}, status)


async def withheld(api: Api) -> list[str]:
    return [found["target"] for found in (await api.get("/v1/withholdings"))["items"]]


async def decisions(api: Api, directive: dict[str, Any]) -> dict[str, str]:
    found = await api.get(f"/v1/directives/{directive['id']}/items")
    return {item["target"]: item["decision"] for item in found["items"]}


async def test_every_write_that_changes_items_is_a_batch_with_what_it_did(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b", "@c"))
    decided = await decide(api, directive, targets=["@a", "@b"], memo="checked")
    released = await restore(api, directive, targets=["@a"])
    rescinded = await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all"})

    found = (await api.get("/v1/batches"))["items"]

    assert [(each["id"], each["kind"], each["counts"]) for each in found] == [
        (directive["batch"], "intake", {"items": 3, "blocked": 0, "released": 0, "withholdings_changed": 0}),
        (decided["batch"], "decision", {"items": 2, "blocked": 2, "released": 0, "withholdings_changed": 2}),
        (released["batch"], "release", {"items": 1, "blocked": 0, "released": 1, "withholdings_changed": 1}),
        (rescinded["batch"], "act", {"items": 3, "blocked": 0, "released": 1, "withholdings_changed": 1}),
    ]
    assert [each["memo"] for each in found] == [None, "checked", "restored", None]
    assert {tuple(each["directives"]) for each in found} == {(directive["id"],)}


async def test_batches_are_read_page_by_page_and_by_kind(api: Api) -> None:
    made = [await api.submit(order_json(reference=str(number))) for number in range(3)]
    await restore(api, made[0])

    first = await api.get("/v1/batches", limit=2)
    rest = await api.get("/v1/batches", limit=2, cursor=first["next"])
    intakes = await api.get("/v1/batches", kind="intake")

    assert [each["id"] for each in (*first["items"], *rest["items"])][:3] == [each["batch"] for each in made]
    assert rest["next"] is None
    assert len(intakes["items"]) == 3


async def test_one_batch_is_shown_with_what_took_it_back(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    undone = await undo(api, directive)

    shown = await api.get(f"/v1/batches/{directive['batch']}")
    taken = await api.get(f"/v1/batches/{undone['batch']}")

    assert shown["undone_by"] == [undone["batch"]]
    assert (taken["kind"], taken["undoes"], taken["memo"], taken["undone_by"]) == ("undo", directive["batch"], "wrong list", [])


async def test_an_unknown_batch_is_not_found(sqlite_api: Api) -> None:
    await sqlite_api.get("/v1/batches/bat_1", 404)
    await undo(sqlite_api, {"batch": "bat_1"}, 404)


@pytest.mark.parametrize(("body", "pointer"), [({}, "/memo"), ({"memo": " "}, "/memo"), ({**MEMO, "extra": 1}, "/extra")])
async def test_an_undo_says_why(sqlite_api: Api, body: Any, pointer: str) -> None:
    directive = await sqlite_api.submit(order_json("@a"))

    refused = await sqlite_api.post(f"/v1/batches/{directive['batch']}/undo", body, 422)

    assert refused["errors"][0]["pointer"] == pointer


async def test_a_decision_is_taken_back_for_error_and_its_items_are_as_before(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b"))
    await decide(api, directive, decision="refuse", ground="journalist", targets=["@b"])
    decided = await decide(api, directive)

    undone = await undo(api, decided)

    history = (await api.get("/v1/withholdings/account:a/history"))["items"]
    assert undone == {
        "batch": undone["batch"], "undoes": decided["batch"], "changed": 2, "blocked": 0, "released": 2, "still_withheld": 0,
        "withholdings_changed": 2, "skipped": [], "skipped_total": 0,
    }  # fmt: skip
    assert await withheld(api) == []
    assert await decisions(api, directive) == {"account:a": "undecided", "account:b": "refused"}
    assert [(entry["state"], entry["cause"]) for entry in history] == [("withheld", None), ("released", "error")]


async def test_an_order_complied_with_at_intake_is_released_for_error(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b"))

    await undo(api, directive)

    shown = await api.get(f"/v1/directives/{directive['id']}")
    assert (shown["status"], shown["released_by_cause"]["error"]) == ("in_force", 2)


async def test_what_others_hold_stays_withheld(api: Api) -> None:
    await api.submit(order_json("@a"))
    second = await api.submit(order_json("@a", "@b", reference="second"))

    undone = await undo(api, second)

    assert (undone["released"], undone["still_withheld"], undone["withholdings_changed"]) == (2, 1, 1)
    assert await withheld(api) == ["account:a"]


async def test_a_release_is_taken_back_by_blocking_again_on_the_terms_of_the_order(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b", due_at="2021-03-01T00:00:00Z"))
    released = await restore(api, directive)

    undone = await undo(api, released)

    version = (await api.get("/v1/withholdings/account:a"))["withholdings"][0]
    assert (undone["changed"], undone["blocked"], undone["released"]) == (2, 2, 0)
    assert (version["version"], version["state"], version["due_at"]) == (3, "withheld", "2021-03-01T00:00:00Z")


async def test_a_release_whoever_asked_is_taken_back_for_each_directive_on_its_own_terms(api: Api) -> None:
    one = await api.submit(order_json("@a", "@b", due_at="2021-03-01T00:00:00Z"))
    other = await api.submit(order_json("@b", "@c", reference="second", due_at="2021-04-01T00:00:00Z"))
    lifted = await api.post("/v1/releases", {"cause": "error", "targets": ["@a", "@b", "@c"], "jurisdictions": ["IN"]})

    undone = await undo(api, lifted)

    found = {each["target"]: each for each in (await api.get("/v1/withholdings"))["items"]}
    assert (undone["changed"], undone["withholdings_changed"]) == (4, 3)
    assert found["account:a"]["due_at"] == "2021-03-01T00:00:00Z"
    assert found["account:c"]["due_at"] == "2021-04-01T00:00:00Z"
    claimants = (await api.get("/v1/withholdings/account:b"))["withholdings"][0]["claimants"]
    assert claimants == sorted([one["id"], other["id"]])


async def test_what_others_did_since_is_left_alone_and_told(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b", "@c"))
    decided = await decide(api, directive)
    await restore(api, directive, targets=["@a"])
    await decide(api, directive, targets=["@a"])
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": ["@b"]})

    undone = await undo(api, decided)

    assert await withheld(api) == ["account:a"]
    assert [(each["target"], each["jurisdiction"], each["why"]) for each in undone["skipped"]] == [
        ("account:a", "IN", "it has been changed since"),
        ("account:b", "IN", "it has ended finally"),
    ]
    assert (undone["changed"], undone["skipped_total"]) == (1, 2)


async def test_a_batch_is_taken_back_once(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    await undo(api, directive)
    before = await api.rows()

    refused = await undo(api, directive, 409)

    assert "changed since" in refused["detail"]
    assert await api.rows() == before


async def test_an_undecided_order_has_nothing_to_take_back(api: Api) -> None:
    refused = await undo(api, await api.submit(later_json("@a")), 409)

    assert "made and ended no claim" in refused["detail"]


async def test_an_act_of_the_authority_is_not_the_platforms_to_take_back(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    rescinded = await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all"})

    await undo(api, rescinded, 409, **EYES)


async def test_an_undo_is_undone(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    undone = await undo(api, directive)

    again = await undo(api, undone)

    shown = await api.get(f"/v1/directives/{directive['id']}")
    assert (again["blocked"], shown["items"]["complied"]) == (1, 1)


async def test_a_unilateral_release_comes_back_under_four_eyes_alone(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    released = await restore(api, directive)
    undone = await undo(api, released)

    refused = await undo(api, undone, 422, approvers=["Asha"])
    again = await undo(api, undone, **EYES)

    shown = await api.get(f"/v1/directives/{directive['id']}")
    assert refused["errors"][0]["pointer"] == "/approvers"
    assert (again["released"], shown["released_by_cause"]["platform_decision"]) == (1, 1)


async def test_the_timeline_tells_what_was_taken_back_and_why(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b"))
    refused = await decide(api, directive, decision="refuse", ground="journalist", targets=["@a"])
    complied = await decide(api, directive, targets=["@b"])
    await undo(api, refused)
    undone = await undo(api, complied)

    entries = (await api.get(f"/v1/directives/{directive['id']}/timeline"))["items"]
    told = [entry for entry in entries if entry["data"]["undoes"] and entry["detail"]]

    assert [entry["type"].split(".")[-2] for entry in told] == ["decided", "released"]
    assert [entry["data"]["undoes"] for entry in told] == [refused["batch"], complied["batch"]]
    assert (told[0]["data"]["decision"], told[0]["data"]["changed"]) == ("undecided", 1)
    assert (told[1]["data"]["cause"], told[1]["data"]["batch"]) == ("error", undone["batch"])
    assert told[1]["detail"] == {"memo": "wrong list", "approvers": [], "approvers_verified": False}
    assert told[1]["data"]["counts"]["undecided"] == 2


async def test_events_name_the_batch_that_caused_them(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    await api.post(f"/v1/directives/{directive['id']}/replies", {"kind": "acknowledgement"}, 201)

    entries = (await api.get(f"/v1/directives/{directive['id']}/timeline"))["items"]

    assert [entry["data"]["batch"] for entry in entries] == [directive["batch"], directive["batch"], None]


async def test_a_rehearsed_undo_tells_what_it_would_do(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    before = await api.rows()

    rehearsed = await undo(api, directive, dry_run=True)

    assert await api.rows() == before
    assert (rehearsed["released"], rehearsed["confirm_count"], rehearsed["dry_run"]) == (1, 1, True)


async def test_a_directive_that_has_ended_since_has_nothing_to_take_back(api: Api, set_now: Callable[[str], None]) -> None:
    directive = await api.submit(order_json("@a"))
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all"})

    assert "ended finally" in (await undo(api, directive, 409))["detail"]
