"""A newer directive takes the place of an older one, item by item and without flicker."""

from typing import Any

import pytest

from tests.support.blocklist import Api, unnamed
from tests.support.builders import later_json, order_json

NEWER: dict[str, Any] = {"reference": "newer", "issued_at": "2021-02-01T00:00:00Z", "received_at": "2021-02-01T00:00:00Z"}


async def decide(api: Api, directive: dict[str, Any], *targets: str, decision: str = "comply") -> dict[str, Any]:
    body = {"decision": decision, "targets": list(targets) or "all"}
    if decision == "refuse":
        body["ground"] = "overbroad"
    return await api.post(f"/v1/directives/{directive['id']}/decisions", body)


async def supersede(api: Api, old: dict[str, Any], by: Any, status: int = 200) -> dict[str, Any]:
    id_ = by["id"] if isinstance(by, dict) else by
    return unnamed(await api.post(f"/v1/directives/{old['id']}/supersede", {"by": id_}, status))


async def show(api: Api, directive: dict[str, Any]) -> dict[str, Any]:
    return await api.get(f"/v1/directives/{directive['id']}")


async def withheld(api: Api, *targets: str) -> list[str]:
    found: list[str] = (await api.post("/v1/withholdings/check", {"jurisdiction": "IN", "targets": list(targets)}))["withheld"]
    return found


async def versions(api: Api, target: str) -> list[tuple[str, str | None]]:
    found = await api.get(f"/v1/withholdings/{target}/history")
    return [(version["state"], version["cause"]) for version in found["items"]]


async def told(api: Api, directive: dict[str, Any]) -> list[dict[str, Any]]:
    events = (await api.get(f"/v1/directives/{directive['id']}/timeline"))["items"]
    return [event["data"] for event in events if event["type"] == "org.geowithhold.directive.superseded.v1"]


async def test_what_both_claim_stays_withheld_without_a_new_version_and_what_is_dropped_is_released(api: Api) -> None:
    old = await api.submit(order_json("@a", "@b"))

    new = await api.submit(order_json("@b", "@c", supersedes=old["id"], **NEWER))

    assert (new["supersedes"], new["withholdings_changed"]) == (old["id"], 2)
    assert await versions(api, "account:a") == [("withheld", None), ("released", "superseded")]
    assert await versions(api, "account:b") == [("withheld", None)]
    assert (await api.get("/v1/withholdings/account:b"))["withholdings"][0]["claimants"] == [new["id"]]
    shown = await show(api, old)
    assert (shown["status"], shown["released_by_cause"]["superseded"]) == ("superseded", 2)
    assert [(event["by"], event["released"], event["withdrawn"]) for event in await told(api, old)] == [(new["id"], 2, 0)]


async def test_the_old_directive_holds_what_the_new_one_has_not_decided(api: Api) -> None:
    old = await api.submit(order_json("@a", "@b", "@c", "@d"))

    new = await api.submit(later_json("@b", "@c", "@d", supersedes=old["id"], **NEWER))
    begun = (await show(api, old))["status"], await withheld(api, "@a", "@b", "@c", "@d")
    complied = await decide(api, new, "@b")
    refused = await decide(api, new, "@c", decision="refuse")
    midway = (await show(api, old))["status"]
    missed = await decide(api, new, "@d", decision="not_located")

    assert begun == ("in_force", ["@b", "@c", "@d"])
    assert [each["withholdings_changed"] for each in (complied, refused, missed)] == [0, 1, 1]
    assert (midway, (await show(api, old))["status"]) == ("in_force", "superseded")
    assert await withheld(api, "@a", "@b", "@c", "@d") == ["@b"]
    assert await versions(api, "account:b") == [("withheld", None)]
    assert await versions(api, "account:c") == [("withheld", None), ("released", "superseded")]
    assert [event["released"] for event in await told(api, old)] == [1, 1, 1, 1]


async def test_a_narrower_decision_releases_what_only_the_old_one_claims(api: Api) -> None:
    old = await api.submit(order_json("@a", jurisdictions=["IN", "IN-PB"]))
    new = await api.submit(later_json("@a", supersedes=old["id"], **NEWER))

    await decide(api, new)

    held = (await api.get("/v1/withholdings/account:a"))["withholdings"]
    assert {row["jurisdiction"]: (row["state"], row["cause"], row["version"]) for row in held} == {
        "IN": ("withheld", None, 1),
        "IN-PB": ("released", "superseded", 2),
    }


async def test_items_that_the_old_directive_had_not_complied_with_are_withdrawn(api: Api) -> None:
    old = await api.submit(later_json("@a", "@b"))
    await decide(api, old, "@a", decision="refuse")

    await api.submit(order_json("@b", supersedes=old["id"], **NEWER))

    shown = await show(api, old)
    assert (shown["status"], shown["items"]["withdrawn"]) == ("superseded", 2)
    assert [(event["released"], event["withdrawn"]) for event in await told(api, old)] == [(0, 2)]


async def test_a_supersession_that_ends_nothing_yet_is_told_all_the_same(api: Api) -> None:
    old = await api.submit(order_json("@a"))
    new = await api.submit(later_json("@a", supersedes=old["id"], **NEWER))

    assert [(event["by"], event["released"], event["status"]) for event in await told(api, old)] == [(new["id"], 0, "in_force")]


async def test_a_directive_in_force_can_be_declared_to_supersede_an_older_one(api: Api) -> None:
    old = await api.submit(order_json("@a", "@b", "@c"))
    new = await api.submit(later_json("@b", "@c", **NEWER))
    await decide(api, new, "@b", decision="refuse")

    done = await supersede(api, old, new)

    assert done == {"released": 2, "still_withheld": 0, "withholdings_changed": 2}
    assert ((await show(api, new))["supersedes"], (await show(api, old))["status"]) == (old["id"], "in_force")
    assert await withheld(api, "@a", "@b", "@c") == ["@c"]
    await decide(api, new, "@c")
    assert ((await show(api, old))["status"], await versions(api, "account:c")) == ("superseded", [("withheld", None)])


async def test_whoever_takes_the_place_of_a_successor_takes_the_place_of_both(api: Api) -> None:
    first = await api.submit(order_json("@a", "@b"))
    second = await api.submit(later_json("@a", "@b", supersedes=first["id"], **NEWER))

    third = await api.submit(later_json("@b", **{**NEWER, "reference": "third"}, supersedes=second["id"]))
    begun = [(await show(api, each))["status"] for each in (first, second)], await withheld(api, "@a", "@b")
    await decide(api, third)

    assert begun == (["in_force", "in_force"], ["@b"])
    assert [(await show(api, each))["status"] for each in (first, second)] == ["superseded", "superseded"]
    assert (await withheld(api, "@a", "@b"), await versions(api, "account:b")) == (["@b"], [("withheld", None)])


async def test_what_a_successor_leaves_undecided_stays_in_force_and_can_be_superseded_anew(api: Api) -> None:
    old = await api.submit(order_json("@a"))
    new = await api.submit(later_json("@a", supersedes=old["id"], **NEWER))
    refused = await api.post("/v1/directives", later_json("@a", supersedes=old["id"], reference="third"), 409)
    await api.post(f"/v1/directives/{new['id']}/rescind", {"targets": "all"})

    standing = await withheld(api, "@a")
    await api.submit(order_json("@a", supersedes=old["id"], reference="third"))

    assert (refused["errors"][0]["pointer"], new["id"] in refused["detail"]) == ("/supersedes", True)
    assert (standing, (await show(api, old))["status"]) == (["@a"], "superseded")


async def test_a_stayed_directive_can_be_superseded(api: Api) -> None:
    old = await api.submit(order_json("@a"))
    await api.post(f"/v1/directives/{old['id']}/stay", {"targets": "all"})

    new = await api.submit(order_json("@a", supersedes=old["id"], **NEWER))

    assert (new["withholdings_changed"], (await show(api, old))["status"]) == (1, "superseded")
    assert await versions(api, "account:a") == [("withheld", None), ("released", "stayed"), ("withheld", None)]


async def german(api: Api, **changes: Any) -> dict[str, Any]:
    body = order_json(authority="de-bka", legal_basis="eu-tco", jurisdictions=["DE"], **changes)
    return await api.submit({**body, "issued_at": "2023-01-01T00:00:00Z", "received_at": "2023-01-01T00:00:00Z"})


async def test_only_an_open_directive_of_the_same_authority_is_superseded(api: Api) -> None:
    rescinded = await api.submit(order_json("@a"))
    await api.post(f"/v1/directives/{rescinded['id']}/rescind", {"targets": "all"})
    foreign = await german(api)
    before = await api.rows()

    for old, status in ((rescinded["id"], 409), (foreign["id"], 422), ("dir_unknown", 422)):
        refused = await api.post("/v1/directives", order_json("@a", supersedes=old, **NEWER), status)
        assert refused["errors"][0]["pointer"] == "/supersedes"

    assert await api.rows() == before


async def test_a_declaration_that_does_not_fit_is_refused_and_changes_nothing(api: Api) -> None:
    old = await api.submit(order_json("@a", **NEWER))
    older = await api.submit(order_json("@b", reference="older"))
    foreign = await german(api)
    ended = await api.submit(order_json("@c", **{**NEWER, "reference": "ended"}))
    await api.post(f"/v1/directives/{ended['id']}/rescind", {"targets": "all"})
    unblock = await api.submit(later_json("@a", kind="unblock", **{**NEWER, "reference": "unblock"}))
    taken = await api.submit(order_json("@a", supersedes=older["id"], **{**NEWER, "reference": "taken"}))
    before = await api.rows()

    for by, status in (("dir_x", 422), (old, 422), (older, 422), (foreign, 422), (ended, 409), (unblock, 422), (taken, 409)):
        refused = await supersede(api, old, by, status)
        assert refused["errors"][0]["pointer"] == "/by"
    await api.post("/v1/directives/dir_unknown/supersede", {"by": old["id"]}, 404)
    await supersede(api, ended, old, 409)

    assert await api.rows() == before


@pytest.mark.parametrize(("body", "pointer"), [({}, "/by"), ({"by": ""}, "/by"), ({"by": "dir_1", "targets": "all"}, "/targets")])
async def test_a_wrong_declaration_is_refused_at_the_field_at_fault(sqlite_api: Api, body: Any, pointer: str) -> None:
    directive = await sqlite_api.submit(order_json())

    refused = await sqlite_api.post(f"/v1/directives/{directive['id']}/supersede", body, 422)

    assert refused["errors"][0]["pointer"] == pointer
