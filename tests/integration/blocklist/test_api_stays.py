"""A court suspends and restores; a court annuls. What other directives hold stays withheld all the while."""

from typing import Any

import pytest

from tests.support.blocklist import Api, unnamed
from tests.support.builders import later_json, order_json


async def act(api: Api, directive: dict[str, Any], name: str, status: int = 200, **body: Any) -> dict[str, Any]:
    return unnamed(await api.post(f"/v1/directives/{directive['id']}/{name}", {"targets": "all", **body}, status))


async def withheld(api: Api, *targets: str) -> list[str]:
    body = {"jurisdiction": "IN", "targets": list(targets)}
    found: list[str] = (await api.post("/v1/withholdings/check", body))["withheld"]
    return found


async def history(api: Api, target: str) -> list[tuple[str, str | None]]:
    found = await api.get(f"/v1/withholdings/{target}/history")
    return [(version["state"], version["cause"]) for version in found["items"]]


async def status(api: Api, directive: dict[str, Any]) -> str:
    return str((await api.get(f"/v1/directives/{directive['id']}"))["status"])


async def test_a_stay_suspends_what_is_claimed_and_its_end_restores_it(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b"))

    stayed = await act(api, directive, "stay", court="High Court of Delhi", memo="W.P. 1")
    shown = await api.get(f"/v1/directives/{directive['id']}")
    restored = await act(api, directive, "unstay")

    assert stayed == {"suspended": 2, "still_withheld": 0, "withholdings_changed": 2}
    assert (shown["status"], shown["items"]["complied"], shown["items"]["released"]) == ("stayed", 2, 0)
    assert restored == {"restored": 2, "withholdings_changed": 2}
    assert await status(api, directive) == "in_force"
    assert await history(api, "account:a") == [("withheld", None), ("released", "stayed"), ("withheld", None)]


async def test_what_is_decided_while_stayed_is_withheld_only_when_the_stay_ends(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b"))
    await act(api, directive, "stay")

    decided = await act(api, directive, "decisions", decision="comply")
    before = await withheld(api, "@a", "@b")
    restored = await act(api, directive, "unstay")

    assert (decided["changed"], decided["withholdings_changed"], before) == (2, 0, [])
    assert restored == {"restored": 2, "withholdings_changed": 2}
    assert await history(api, "account:a") == [("withheld", None)]


async def test_what_another_directive_holds_stays_withheld_through_a_stay(api: Api) -> None:
    await api.submit(order_json("@b", "@c", reference="other"))
    directive = await api.submit(order_json("@a", "@b"))

    stayed = await act(api, directive, "stay")

    assert stayed == {"suspended": 2, "still_withheld": 1, "withholdings_changed": 1}
    assert await withheld(api, "@a", "@b", "@c") == ["@b", "@c"]


async def test_a_partial_stay_leaves_the_directive_in_force_and_its_items_stayed(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b"))
    stayed = await act(api, directive, "stay", targets=["@a"])

    await act(api, directive, "decisions", decision="comply")

    items = (await api.get(f"/v1/directives/{directive['id']}/items"))["items"]
    assert stayed == {"suspended": 0, "still_withheld": 0, "withholdings_changed": 0}
    assert await status(api, directive) == "in_force"
    assert [(item["stayed"], item["decision"], item["claims"]) for item in items] == [
        (True, "complied", {"IN": "suspended"}),
        (False, "complied", {"IN": "live"}),
    ]
    assert await withheld(api, "@a", "@b") == ["@b"]
    assert await act(api, directive, "unstay") == {"restored": 1, "withholdings_changed": 1}


async def test_a_directive_is_stayed_with_its_last_open_item_and_in_force_with_the_first_restored(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b"))

    await act(api, directive, "stay", targets=["@a"])
    await act(api, directive, "stay", targets=["@b"])
    wholly = await status(api, directive)
    await act(api, directive, "unstay", targets=["@b"])

    assert (wholly, await status(api, directive)) == ("stayed", "in_force")
    assert await withheld(api, "@a", "@b") == ["@b"]


async def test_what_ended_while_it_was_stayed_is_not_restored(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b", "@c"))
    await act(api, directive, "stay")

    rescinded = await act(api, directive, "rescind", targets=["@a"])
    body = {"cause": "error", "directive": directive["id"], "targets": ["@b"], "jurisdictions": ["IN"]}
    released = unnamed(await api.post("/v1/releases", body))
    restored = await act(api, directive, "unstay")

    assert rescinded == released == {"released": 1, "still_withheld": 0, "withholdings_changed": 0}
    assert restored == {"restored": 1, "withholdings_changed": 1}
    assert await withheld(api, "@a", "@b", "@c") == ["@c"]


async def test_a_suspended_claim_that_ends_counts_as_still_withheld_where_another_directive_holds_the_key(api: Api) -> None:
    await api.submit(order_json("@a", reference="other"))
    directive = await api.submit(order_json("@a"))
    await act(api, directive, "stay")

    assert await act(api, directive, "quash") == {"released": 1, "still_withheld": 1, "withholdings_changed": 0}


async def test_a_release_of_whoever_asked_ends_suspended_claims_too(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    await api.submit(order_json("@a", reference="other"))
    await act(api, directive, "stay")

    released = await api.post("/v1/releases", {"cause": "error", "targets": ["@a"], "jurisdictions": ["IN"]})
    await act(api, directive, "unstay")

    assert unnamed(released) == {"released": 2, "still_withheld": 0, "withholdings_changed": 1}
    assert await withheld(api, "@a") == []


@pytest.mark.parametrize("name", ["stay", "unstay"])
async def test_a_stay_fits_once_and_its_end_only_then(api: Api, name: str) -> None:
    directive = await api.submit(order_json("@a"))
    if name == "stay":
        await act(api, directive, "stay")
    before = await api.rows()

    refused = [await act(api, directive, name, 409), await act(api, directive, name, 409, targets=["@a"])]

    whole, named = [problem["detail"] for problem in refused]
    if name == "stay":
        assert whole == named == "the directive: 'stay' is not possible while the state is 'stayed'"
    else:
        assert (whole, named) == ("no item is eligible", "the item is not stayed")
    assert await api.rows() == before


async def test_a_court_quashes_some_targets_and_with_the_last_the_directive(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b"))

    some = await act(api, directive, "quash", targets=["@a"], court="High Court")
    midway = await status(api, directive)
    rest = await act(api, directive, "quash")
    shown = await api.get(f"/v1/directives/{directive['id']}")
    again = await act(api, directive, "quash", 409)

    assert some == rest == {"released": 1, "still_withheld": 0, "withholdings_changed": 1}
    assert (midway, shown["status"], shown["released_by_cause"]["quashed"]) == ("in_force", "quashed", 2)
    assert await history(api, "account:a") == [("withheld", None), ("released", "quashed")]
    assert ("'quash'" in again["detail"], "'quashed'" in again["detail"]) == (True, True)


async def test_what_was_quashed_is_never_claimed_by_that_directive_again(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b"))
    await act(api, directive, "quash", targets=["@a"])

    await act(api, directive, "decisions", 409, targets=["@a"], decision="comply")
    await act(api, directive, "decisions", decision="comply")

    assert await withheld(api, "@a", "@b") == ["@b"]


async def test_the_timeline_tells_who_stayed_and_what_became_of_it(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    await act(api, directive, "stay", court="High Court", memo="W.P. 1")
    await act(api, directive, "unstay")
    await act(api, directive, "quash", memo="ultra vires")

    told = (await api.get(f"/v1/directives/{directive['id']}/timeline"))["items"]

    names = [entry["type"].removeprefix("org.geowithhold.directive.").removesuffix(".v1") for entry in told]
    assert names == ["received", "items", "stayed", "items", "unstayed", "items", "quashed", "items"]
    stayed, suspended = told[2], told[3]["data"]["items"][0]
    assert (stayed["data"]["suspended"], stayed["data"]["status"]) == (1, "stayed")
    assert stayed["detail"] == {"court": "High Court", "memo": "W.P. 1"}
    assert (suspended["decision"], suspended["jurisdictions"], suspended["suspended"]) == ("complied", ["IN"], True)
    assert told[4]["data"]["restored"] == 1
    assert (told[6]["data"]["released"], told[6]["detail"]) == (1, {"memo": "ultra vires"})


@pytest.mark.parametrize("name", ["stay", "unstay", "quash"])
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/targets"),
        ({"targets": "undecided"}, "/targets"),
        ({"targets": ["@b"]}, "/targets/0"),
        ({"targets": "all", "x": 1}, "/x"),
    ],
)
async def test_a_wrong_act_is_refused_at_the_field_at_fault(sqlite_api: Api, name: str, body: Any, pointer: str) -> None:
    directive = await sqlite_api.submit(order_json("@a"))

    refused = await sqlite_api.post(f"/v1/directives/{directive['id']}/{name}", body, 422)

    assert refused["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("name", ["stay", "unstay", "quash"])
async def test_an_act_on_a_directive_that_does_not_exist_is_refused(sqlite_api: Api, name: str) -> None:
    await sqlite_api.post(f"/v1/directives/dir_unknown/{name}", {"targets": "all"}, 404)
