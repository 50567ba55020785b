"""Releases by the platform, rescissions by the authority, and what overlapping directives keep withheld."""

from typing import Any

import pytest

from tests.support.blocklist import Api, unnamed
from tests.support.builders import later_json, order_json, tco_json

FOUR_EYES: dict[str, Any] = {
    "cause": "platform_decision",
    "memo": "restored",
    "approvers": ["Asha", "Ravi"],
    "jurisdictions": ["IN"],
}


async def release(api: Api, status: int = 200, **body: Any) -> dict[str, Any]:
    return unnamed(await api.post("/v1/releases", {"cause": "error", "jurisdictions": ["IN"], **body}, status))


async def rescind(api: Api, directive: dict[str, Any], status: int = 200, **body: Any) -> dict[str, Any]:
    return unnamed(await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all", **body}, status))


async def codes(api: Api, target: str) -> list[str]:
    found: list[str] = (await api.get(f"/v1/withholdings/{target}"))["withheld"]["country_codes"]
    return found


async def overlapping(api: Api) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two directives in force: a and b by the first, b and c by the second."""
    return await api.submit(order_json("@a", "@b")), await api.submit(order_json("@b", "@c", reference="second"))


async def test_a_unilateral_release_restores_everything_while_the_directive_stands(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b"))

    answer = await release(api, **FOUR_EYES, directive=directive["id"], targets="all")

    shown = await api.get(f"/v1/directives/{directive['id']}")
    assert answer == {"released": 2, "still_withheld": 0, "withholdings_changed": 2}
    assert (shown["status"], shown["released_by_cause"]["platform_decision"]) == ("in_force", 2)


async def test_who_approved_a_release_is_kept_as_unverified_names(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    await release(api, **FOUR_EYES, directive=directive["id"], targets="all")

    timeline = (await api.get(f"/v1/directives/{directive['id']}/timeline"))["items"]

    details = [entry["detail"] for entry in timeline if entry["type"] == "org.geowithhold.directive.released.v1"]
    assert details == [{"memo": "restored", "approvers": ["Asha", "Ravi"], "approvers_verified": False}]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"memo": None}, "/memo"),
        ({"memo": "  "}, "/memo"),
        ({"approvers": []}, "/approvers"),
        ({"approvers": ["Asha"]}, "/approvers"),
        ({"approvers": ["Asha", "ASHA"]}, "/approvers"),
        ({"approvers": [f"name {number}" for number in range(11)]}, "/approvers"),
        ({"approvers": ["Asha", ""]}, "/approvers/1"),
        ({"jurisdictions": []}, "/jurisdictions"),
        ({"jurisdictions": ["UK"]}, "/jurisdictions/0"),
        ({"directive": None}, "/targets"),
        ({"targets": "undecided"}, "/targets"),
        ({"targets": []}, "/targets"),
        ({"cause": "mercy"}, "/cause"),
        ({"extra": 1}, "/extra"),
    ],
)
async def test_a_wrong_release_is_refused_at_the_field_at_fault(sqlite_api: Api, changes: Any, pointer: str) -> None:
    directive = await sqlite_api.submit(order_json("@a"))
    before = await sqlite_api.rows()

    body = {**FOUR_EYES, "directive": directive["id"], "targets": "all", **changes}
    refused = await sqlite_api.post("/v1/releases", body, 422)

    assert refused["errors"][0]["pointer"] == pointer
    assert await sqlite_api.rows() == before


@pytest.mark.parametrize("cause", ["rescinded", "superseded", "expired", "quashed", "stayed", "interim_lapsed"])
async def test_the_platform_releases_by_its_own_causes_alone(sqlite_api: Api, cause: str) -> None:
    directive = await sqlite_api.submit(order_json("@a"))

    refused = await release(sqlite_api, 422, cause=cause, directive=directive["id"], targets="all")

    assert refused["errors"][0]["pointer"] == "/cause"


@pytest.mark.parametrize("cause", ["error", "appeal"])
async def test_a_correction_needs_no_approvers(api: Api, cause: str) -> None:
    await api.submit(order_json("@a"))

    answer = await release(api, cause=cause, targets=["@a"])

    assert (answer["released"], await codes(api, "account:a")) == (1, [])


async def test_releasing_one_of_two_claims_keeps_the_target_withheld(api: Api) -> None:
    first, second = await overlapping(api)

    one = await release(api, directive=first["id"], targets="all")
    other = await release(api, directive=second["id"], targets=["@b"])

    assert one == {"released": 2, "still_withheld": 1, "withholdings_changed": 1}
    assert other == {"released": 1, "still_withheld": 0, "withholdings_changed": 1}
    assert [await codes(api, f"account:{name}") for name in "abc"] == [[], [], ["IN"]]


async def test_a_release_without_a_directive_ends_every_claim_and_is_told_to_each_directive(api: Api) -> None:
    first, second = await overlapping(api)

    answer = await release(api, targets=["@b"])

    assert answer == {"released": 2, "still_withheld": 0, "withholdings_changed": 1}
    for directive in (first, second):
        timeline = (await api.get(f"/v1/directives/{directive['id']}/timeline"))["items"]
        assert [entry["data"]["released"] for entry in timeline if "directive.released" in entry["type"]] == [1]
    version = (await api.get("/v1/withholdings/account:b"))["withholdings"][0]
    assert version["directives"] == sorted([first["id"], second["id"]])


@pytest.mark.parametrize("of_one", [True, False])
@pytest.mark.fault(44)
async def test_a_release_is_all_or_nothing(api: Api, of_one: bool) -> None:
    directive = await api.submit(later_json("@a", "@b"))
    await api.post(f"/v1/directives/{directive['id']}/decisions", {"decision": "comply", "targets": ["@a"]})
    before = await api.rows()

    refused = await release(api, 409, directive=directive["id"] if of_one else None, targets=["@a", "@b"])

    assert refused["errors"] == [{"pointer": "/targets/1", "detail": "nothing is withheld here that could be released"}]
    assert await api.rows() == before


async def test_a_release_elsewhere_finds_nothing(api: Api) -> None:
    directive = await api.submit(order_json("@a"))

    await release(api, 409, directive=directive["id"], targets=["@a"], jurisdictions=["PK"])
    await release(api, 409, directive=directive["id"], targets="all", jurisdictions=["PK"])
    await release(api, 409, targets=["@a"], jurisdictions=["PK"])


async def test_a_part_of_a_country_wide_key_cannot_be_released(api: Api) -> None:
    directive = await api.submit(order_json("@a"))

    one = await release(api, 422, directive=directive["id"], targets=["@a"], jurisdictions=["IN-PB"])
    every = await release(api, 422, targets=["@a"], jurisdictions=["IN-PB"])

    assert [one["errors"][0]["pointer"], every["errors"][0]["pointer"]] == ["/targets/0"] * 2
    assert await codes(api, "account:a") == ["IN"]


async def test_a_release_in_one_country_leaves_the_item_complied_in_the_others(api: Api) -> None:
    directive = await api.submit(tco_json(jurisdictions=["DE", "FR"], reference="tco"))
    await api.post(f"/v1/directives/{directive['id']}/decisions", {"decision": "comply", "targets": "all"})

    answer = await release(api, directive=directive["id"], targets="all", jurisdictions=["DE"])

    (item,) = (await api.get(f"/v1/directives/{directive['id']}/items"))["items"]
    assert answer == {"released": 1, "still_withheld": 0, "withholdings_changed": 1}
    assert (item["decision"], item["applied_jurisdictions"], item["claims"]) == (
        "complied",
        ["FR"],
        {"DE": "error", "FR": "live"},
    )


async def test_a_release_of_an_unknown_directive_or_a_foreign_target_names_it(api: Api) -> None:
    directive = await api.submit(order_json("@a"))

    await release(api, 404, directive="dir_unknown", targets="all")
    foreign = await release(api, 422, directive=directive["id"], targets=["@a", "@z"])

    assert foreign["errors"][0]["pointer"] == "/targets/1"


async def test_a_block_after_a_release_is_the_next_version(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    await release(api, directive=directive["id"], targets="all")

    await api.post(f"/v1/directives/{directive['id']}/decisions", {"decision": "comply", "targets": "all"})

    history = (await api.get("/v1/withholdings/account:a/history"))["items"]
    assert [(entry["version"], entry["state"], entry["cause"]) for entry in history] == [
        (1, "withheld", None),
        (2, "released", "error"),
        (3, "withheld", None),
    ]


async def test_a_rescission_of_all_ends_the_directive(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b", "@c"))
    await api.post(f"/v1/directives/{directive['id']}/decisions", {"decision": "comply", "targets": ["@a", "@b"]})

    answer = await rescind(api, directive, memo="withdrawn by the ministry")

    shown = await api.get(f"/v1/directives/{directive['id']}")
    assert answer == {"released": 2, "still_withheld": 0, "withholdings_changed": 2}
    assert (shown["status"], shown["items"]["released"], shown["items"]["withdrawn"]) == ("rescinded", 2, 1)


async def test_a_rescission_of_some_leaves_the_others_until_the_last_is_rescinded(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b"))

    await rescind(api, directive, targets=["@a"])
    between = await api.get(f"/v1/directives/{directive['id']}")
    await rescind(api, directive, targets=["@b"])

    assert between["status"] == "in_force"
    assert (await api.get(f"/v1/directives/{directive['id']}"))["status"] == "rescinded"


async def test_a_rescission_keeps_what_another_directive_withholds(api: Api) -> None:
    first, second = await overlapping(api)

    one, other = await rescind(api, first), await rescind(api, second)

    assert one == {"released": 2, "still_withheld": 1, "withholdings_changed": 1}
    assert other == {"released": 2, "still_withheld": 0, "withholdings_changed": 2}
    assert await codes(api, "account:b") == []


async def test_what_was_rescinded_is_never_decided_or_rescinded_again(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b"))
    await rescind(api, directive, targets=["@a"])
    before = await api.rows()

    comply = {"decision": "comply", "targets": ["@a"]}
    decided = await api.post(f"/v1/directives/{directive['id']}/decisions", comply, 409)
    rescinded = await rescind(api, directive, 409, targets=["@b", "@a"])

    assert (decided["errors"][0]["pointer"], rescinded["errors"][0]["pointer"]) == ("/targets/0", "/targets/1")
    assert await api.rows() == before


async def test_a_rescinded_directive_takes_nothing_but_replies(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    await rescind(api, directive)

    await rescind(api, directive, 409)
    await release(api, 409, directive=directive["id"], targets="all")
    await api.post(f"/v1/directives/{directive['id']}/confirm", None, 409)
    await api.post(f"/v1/directives/{directive['id']}/replies", {"kind": "effect_report"}, 201)


async def test_the_same_target_may_be_named_twice_in_one_release(api: Api) -> None:
    directive = await api.submit(order_json("@a"))

    answer = await release(api, directive=directive["id"], targets=["@a", "@A"])

    assert answer["released"] == 1
