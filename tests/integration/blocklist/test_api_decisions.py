from typing import Any

import pytest

from tests.support.blocklist import Api, unnamed
from tests.support.builders import later_json, order_json, tco_json

COMPLY: dict[str, Any] = {"decision": "comply", "targets": "all"}


async def decide(api: Api, directive: dict[str, Any], status: int = 200, **body: Any) -> dict[str, Any]:
    return await api.post(f"/v1/directives/{directive['id']}/decisions", body, status)


async def test_chosen_items_are_decided_and_answered_in_the_order_asked(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b", "@c"))

    answer = await decide(api, directive, decision="comply", targets=["@C", "account:a"], memo="checked")

    counts = {"total": 3, "undecided": 1, "complied": 2, "refused": 0, "not_located": 0, "released": 0, "withdrawn": 0}
    assert unnamed(answer) == {
        "items": counts,
        "changed": 2,
        "unchanged": 0,
        "withholdings_changed": 2,
        "results": [
            {"target": "account:c", "decision": "complied", "applied_jurisdictions": ["IN"]},
            {"target": "account:a", "decision": "complied", "applied_jurisdictions": ["IN"]},
        ],
    }


async def test_the_undecided_are_decided_and_the_decided_left_alone(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b", "@c"))
    await decide(api, directive, decision="refuse", ground="news_media", targets=["@a"])

    answer = await decide(api, directive, decision="comply", targets="undecided")

    assert (answer["changed"], answer["unchanged"], "results" in answer) == (2, 0, False)
    assert (answer["items"]["complied"], answer["items"]["refused"]) == (2, 1)


async def test_all_takes_whatever_may_still_be_decided(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b", "@c"))
    await decide(api, directive, decision="comply", targets=["@a"])
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": ["@b"]})

    answer = await decide(api, directive, decision="not_located", targets="all")

    assert (answer["changed"], answer["items"]["not_located"], answer["items"]["complied"]) == (1, 1, 1)
    assert answer["items"]["withdrawn"] == 1


@pytest.mark.parametrize("keyword", ["all", "undecided"])
async def test_a_keyword_that_finds_nothing_to_decide_is_a_conflict(api: Api, keyword: str) -> None:
    directive = await api.submit(order_json())

    refused = await decide(api, directive, 409, decision="not_located", targets=keyword)

    assert refused["detail"] == "no item is eligible"


async def test_a_target_that_is_no_item_is_named_and_stops_the_others(api: Api) -> None:
    directive = await api.submit(later_json("@a"))

    refused = await decide(api, directive, 422, decision="comply", targets=["@a", "@stranger"])

    assert [error["pointer"] for error in refused["errors"]] == ["/targets/1"]
    assert (await api.get("/v1/withholdings"))["items"] == []


@pytest.mark.parametrize("body", [{"decision": "refuse", "ground": "other"}, {"decision": "not_located"}])
async def test_a_decision_never_ends_a_claim_and_names_the_way_that_does(api: Api, body: dict[str, str]) -> None:
    directive = await api.submit(order_json("@a"))

    refused = await decide(api, directive, 409, targets=["@a"], **body)

    assert "/v1/releases" in refused["detail"]
    assert refused["errors"][0]["pointer"] == "/targets/0"


async def test_one_item_that_cannot_be_decided_so_stops_all_that_are_named(api: Api) -> None:
    directive = await api.submit(later_json("@a", "@b"))
    await decide(api, directive, decision="comply", targets=["@b"])
    before = await api.rows()

    await decide(api, directive, 409, decision="refuse", ground="other", targets=["@a", "@b"])

    assert await api.rows() == before


async def test_an_equal_decision_changes_nothing_and_is_no_event(api: Api) -> None:
    directive = await api.submit(later_json("@a"))
    await decide(api, directive, **COMPLY)
    before = await api.rows()

    answer = await decide(api, directive, **COMPLY)

    assert (answer["changed"], answer["unchanged"], answer["withholdings_changed"], answer["batch"]) == (0, 1, 0, None)
    assert await api.rows() == before


async def test_a_decision_may_narrow_the_scope_and_later_widen_it_within_what_was_asked(api: Api) -> None:
    directive = await api.submit(tco_json(jurisdictions=["DE", "FR"], reference="tco 2"))

    narrow = await decide(api, directive, decision="comply", targets=["@acct_1"], jurisdictions=["FR"])
    wide = await decide(api, directive, decision="comply", targets=["@acct_1"])
    narrower = await decide(api, directive, 409, decision="comply", targets=["@acct_1"], jurisdictions=["DE"])

    assert narrow["results"][0]["applied_jurisdictions"] == ["FR"]
    assert (wide["results"][0]["applied_jurisdictions"], wide["withholdings_changed"]) == (["FR", "DE"], 1)
    assert "/v1/releases" in narrower["detail"]


async def test_a_country_wide_order_may_be_applied_in_a_part_of_the_country(api: Api) -> None:
    directive = await api.submit(later_json("@a"))

    await decide(api, directive, decision="comply", targets="all", jurisdictions=["IN-PB"])

    shown = await api.get("/v1/withholdings/account:a")
    assert shown["withheld"]["country_codes"] == ["IN-PB"]


@pytest.mark.parametrize("wider", ["PK", "XX", "EU"])
async def test_a_decision_never_widens_what_was_asked(api: Api, wider: str) -> None:
    directive = await api.submit(later_json("@a"))
    before = await api.rows()

    refused = await decide(api, directive, 422, decision="comply", targets="all", jurisdictions=["IN", wider])

    assert refused["errors"][0]["pointer"] == "/jurisdictions"
    assert await api.rows() == before


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"decision": "refuse", "targets": "all"}, "/ground"),
        ({"decision": "refuse", "targets": "all", "ground": "other", "jurisdictions": ["IN"]}, "/jurisdictions"),
        ({"decision": "not_located", "targets": "all", "jurisdictions": ["IN"]}, "/jurisdictions"),
        ({"decision": "refuse", "targets": "all", "ground": "because"}, "/ground"),
        ({"decision": "undecided", "targets": "all"}, "/decision"),
        ({"decision": "comply"}, "/targets"),
        ({"decision": "comply", "targets": "every"}, "/targets"),
        ({"decision": "comply", "targets": []}, "/targets"),
        ({"decision": "comply", "targets": ["@a"] * 10_001}, "/targets"),
        ({"decision": "comply", "targets": ["@a", 7]}, "/targets/1"),
        ({"decision": "comply", "targets": "all", "jurisdictions": []}, "/jurisdictions"),
        ({"decision": "comply", "targets": "all", "jurisdictions": ["IN", "in"]}, "/jurisdictions/1"),
        ({"decision": "comply", "targets": "all", "memo": "\x00"}, "/memo"),
        ({"decision": "comply", "targets": "all", "memo": "m" * 10_001}, "/memo"),
        ({"decision": "comply", "targets": "all", "why": 1}, "/why"),
    ],
)
async def test_a_wrong_decision_is_refused_at_the_field_at_fault(sqlite_api: Api, body: Any, pointer: str) -> None:
    directive = await sqlite_api.submit(later_json("@a"))
    before = await sqlite_api.rows()

    refused = await decide(sqlite_api, directive, 422, **body)

    assert refused["errors"][0]["pointer"] == pointer
    assert await sqlite_api.rows() == before


async def test_an_unknown_directive_cannot_be_decided(sqlite_api: Api) -> None:
    await decide(sqlite_api, {"id": "dir_unknown"}, 404, **COMPLY)


async def test_a_rescinded_directive_takes_no_decision(api: Api) -> None:
    directive = await api.submit(later_json("@a"))
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all"})

    refused = await decide(api, directive, 409, **COMPLY)

    assert ("'decide'" in refused["detail"], "'rescinded'" in refused["detail"]) == (True, True)


async def test_what_the_platform_restored_may_be_decided_again(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b"))
    await api.post("/v1/releases", {"cause": "error", "directive": directive["id"], "targets": "all", "jurisdictions": ["IN"]})

    refused = await decide(api, directive, decision="refuse", ground="journalist", targets=["@a"])
    complied = await decide(api, directive, decision="comply", targets=["@b"])

    assert (refused["items"]["refused"], refused["items"]["released"]) == (1, 1)
    assert (complied["items"]["complied"], complied["withholdings_changed"]) == (1, 1)
