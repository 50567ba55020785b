"""Directives, items, timelines, withholdings and registries as they are read."""

from typing import Any
from urllib.parse import quote

import pytest

from shared.registry import load_registry
from tests.support.blocklist import Api
from tests.support.builders import later_json, order_json, tco_json

URL_TARGET = "url:https://ex.org/page/history"


async def every(api: Api, path: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of a list, two entries at a time."""
    found: list[dict[str, Any]] = []
    page = await api.get(path, limit=2, **query)
    while True:
        assert len(page["items"]) <= 2
        found += page["items"]
        if page["next"] is None:
            return found
        page = await api.get(path, limit=2, cursor=page["next"], **query)


async def german(api: Api, reference: str, *targets: str) -> dict[str, Any]:
    """A directive for Germany, complied with."""
    directive = await api.submit(tco_json(*targets, authority="de-bka", reference=reference))
    await api.post(f"/v1/directives/{directive['id']}/decisions", {"decision": "comply", "targets": "all"})
    return directive


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["first", "second", "third"]),
        ({"authority": "de-bka"}, ["third"]),
        ({"authority": "nobody"}, []),
        ({"jurisdiction": "IN"}, ["first", "second"]),
        ({"legal_basis": "in-it-act-69a"}, ["second"]),
        ({"status": "rescinded"}, ["first"]),
        ({"decision": "released"}, ["first"]),
        ({"decision": "undecided"}, ["second"]),
        ({"decision": "complied", "jurisdiction": "DE"}, ["third"]),
    ],
)
async def test_directives_are_listed_in_the_order_of_their_arrival_and_by_filter(
    sqlite_api: Api, filters: dict[str, str], expected: list[str]
) -> None:
    first = await sqlite_api.submit(order_json("@a", reference="first"))
    await sqlite_api.submit(later_json("@b", reference="second"))
    await german(sqlite_api, "third", "@c")
    await sqlite_api.post(f"/v1/directives/{first['id']}/rescind", {"targets": "all"})

    found = await every(sqlite_api, "/v1/directives", **filters)

    assert [directive["reference"] for directive in found] == expected


async def test_every_list_is_read_page_by_page_without_loss_or_repeat(api: Api) -> None:
    names = [f"acct_{number}" for number in range(5)]
    directive = await api.submit(order_json(*(f"@{name}" for name in names)))
    for number in range(4):
        await api.submit(later_json(reference=f"{number}"))
        await api.post(f"/v1/directives/{directive['id']}/replies", {"kind": "acknowledgement"}, 201)
    targets = [f"account:{name}" for name in names]

    items = await every(api, f"/v1/directives/{directive['id']}/items")
    timeline = await every(api, f"/v1/directives/{directive['id']}/timeline")
    withholdings = await every(api, "/v1/withholdings")

    assert [item["target"] for item in items] == targets
    assert [entry["revision"] for entry in timeline] == [1, 2, 3, 4, 5, 6]
    assert [row["target"] for row in withholdings] == targets
    assert len(await every(api, "/v1/directives")) == 5


async def test_items_show_what_was_received_decided_and_applied(api: Api) -> None:
    directive = await api.submit(later_json("＠A", "https://x.com/b", "#Farmers"))
    await api.post(f"/v1/directives/{directive['id']}/decisions", {"decision": "comply", "targets": ["@a"]})
    refusal = {"decision": "refuse", "ground": "news_media", "targets": ["@b"]}
    await api.post(f"/v1/directives/{directive['id']}/decisions", refusal)

    items = (await api.get(f"/v1/directives/{directive['id']}/items"))["items"]

    unforeseen = ("changed_at", "version", "batch")
    assert [{name: value for name, value in item.items() if name not in unforeseen} for item in items] == [
        item("account:a", ["＠A"], "complied", applied=["IN"], claims={"IN": "live"}),
        item("account:b", ["https://x.com/b"], "refused", ground="news_media"),
        item("hashtag:farmers", ["#Farmers"], "undecided"),
    ]
    assert [item["version"] for item in items] == [2, 2, 1]
    assert len({item["batch"] for item in items}) == 3


def item(
    target: str,
    received: list[str],
    decision: str,
    *,
    ground: str | None = None,
    applied: list[str] | None = None,
    claims: dict[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "target": target,
        "target_type": target.partition(":")[0],
        "received": received,
        "decision": decision,
        "cause": None,
        "ground": ground,
        "final": False,
        "stayed": False,
        "confirmed": False,
        "applied_jurisdictions": applied or [],
        "claims": claims or {},
    }


async def test_items_are_filtered_by_decision_and_released_ones_say_whether_for_good(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b", "@c"))
    body = {"cause": "error", "directive": directive["id"], "targets": ["@a"], "jurisdictions": ["IN"]}
    await api.post("/v1/releases", body)
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": ["@b"]})

    found = await every(api, f"/v1/directives/{directive['id']}/items", decision="released")

    assert [(item["target"], item["cause"], item["final"]) for item in found] == [
        ("account:a", "error", False),
        ("account:b", "rescinded", True),
    ]


async def test_the_timeline_tells_each_event_as_it_was_published(api: Api) -> None:
    directive = await api.submit(order_json("@a"))

    first, second = (await api.get(f"/v1/directives/{directive['id']}/timeline"))["items"]

    assert (first["revision"], first["type"]) == (1, "org.geowithhold.directive.received.v1")
    assert (second["revision"], second["type"]) == (2, "org.geowithhold.directive.items.v1")
    assert set(first["data"]) == {
        "directive", "revision", "jurisdictions", "legal_basis", "status", "issued_at", "received_at", "due_at", "counts",
        "kind", "expires_at",
        "authority", "reference", "channel", "sealed", "batch", "undoes", "lapses_at", "missing", "supersedes",
    }  # fmt: skip
    assert second["data"]["items"] == [
        {
            "target": "account:a",
            "decision": "complied",
            "jurisdictions": ["IN"],
            "cause": None,
            "unilateral": False,
            "ground": None,
            "suspended": False,
        }
    ]


@pytest.mark.parametrize("path", ["", "/items", "/timeline"])
async def test_an_unknown_directive_is_not_found(sqlite_api: Api, path: str) -> None:
    await sqlite_api.get(f"/v1/directives/dir_unknown{path}", 404)


@pytest.mark.parametrize(
    ("target", "scope"),
    [("account:acct_42", "user"), ("post:13556", "tweet"), ("hashtag:किसान", "hashtag"), (URL_TARGET, "url")],
)
async def test_a_target_is_shown_in_the_platforms_field_shape(api: Api, target: str, scope: str) -> None:
    directive = await api.submit(order_json(target))

    shown = await api.get(f"/v1/withholdings/{quote(target, safe=':')}")

    (version,) = shown["withholdings"]
    assert (shown["target"], shown["withheld"]) == (target, {"country_codes": ["IN"], "scope": scope})
    assert version == {
        "target": target,
        "target_type": target.partition(":")[0],
        "jurisdiction": "IN",
        "state": "withheld",
        "version": 1,
        "cause": None,
        "directives": [directive["id"]],
        "effective_at": version["effective_at"],
        "due_at": None,
        "label": "legal_demand",
        "claimants": [directive["id"]],
    }


async def test_a_target_never_heard_of_is_withheld_nowhere(sqlite_api: Api) -> None:
    assert await sqlite_api.get("/v1/withholdings/account:nobody") == {
        "target": "account:nobody",
        "withheld": {"country_codes": [], "scope": "user"},
        "withholdings": [],
    }


@pytest.mark.parametrize("path", ["account:acct_1", "account%3Aacct_1", "%40Acct_1", quote("https://x.com/acct_1", safe="")])
async def test_a_target_in_a_path_is_one_segment_however_it_is_encoded(sqlite_api: Api, path: str) -> None:
    assert (await sqlite_api.get(f"/v1/withholdings/{path}"))["target"] == "account:acct_1"


async def test_the_history_of_a_url_that_ends_in_history_is_no_other_url(api: Api) -> None:
    await api.submit(order_json(URL_TARGET))
    segment = quote(URL_TARGET, safe="")

    shown, history = await api.get(f"/v1/withholdings/{segment}"), await api.get(f"/v1/withholdings/{segment}/history")

    assert (shown["target"], shown["withheld"]["country_codes"]) == (URL_TARGET, ["IN"])
    assert (history["target"], [entry["version"] for entry in history["items"]]) == (URL_TARGET, [1])


@pytest.mark.parametrize("path", ["nonsense", "account:", "post:abc", "url:ftp%3A%2F%2Fex.org", "account:%00", "hashtag:%ff"])
async def test_what_names_no_target_is_refused(sqlite_api: Api, path: str) -> None:
    refused = await sqlite_api.get(f"/v1/withholdings/{path}", 422)

    assert refused["errors"][0]["parameter"] == "target"
    await sqlite_api.get(f"/v1/withholdings/{path}/history", 422)


async def test_a_history_has_every_version_of_every_key_page_by_page(api: Api) -> None:
    indian = await api.submit(order_json("@a"))
    await german(api, "tco", "@a")
    body = {"cause": "appeal", "directive": indian["id"], "targets": "all", "jurisdictions": ["IN"]}
    await api.post("/v1/releases", body)
    await api.post(f"/v1/directives/{indian['id']}/decisions", {"decision": "comply", "targets": "all"})

    both = await every(api, "/v1/withholdings/account:a/history")
    one = await every(api, "/v1/withholdings/account:a/history", jurisdiction="IN")

    indian_versions = [("IN", 1, None), ("IN", 2, "appeal"), ("IN", 3, None)]
    assert [(entry["jurisdiction"], entry["version"], entry["cause"]) for entry in both] == [("DE", 1, None), *indian_versions]
    assert [(entry["jurisdiction"], entry["version"], entry["cause"]) for entry in one] == indian_versions
    assert {tuple(entry["directives"]) for entry in one} == {(indian["id"],)}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["DE/account:c", "IN/hashtag:b"]),
        ({"jurisdiction": "IN"}, ["IN/hashtag:b"]),
        ({"type": "account"}, ["DE/account:c"]),
        ({"state": "released"}, ["IN/account:a"]),
        ({"state": "all"}, ["DE/account:c", "IN/account:a", "IN/hashtag:b"]),
        ({"state": "all", "type": "post"}, []),
    ],
)
async def test_withholdings_are_listed_by_filter(sqlite_api: Api, filters: dict[str, str], expected: list[str]) -> None:
    await sqlite_api.submit(order_json("@a", "#b"))
    await german(sqlite_api, "tco", "@c")
    await sqlite_api.post("/v1/releases", {"cause": "error", "targets": ["@a"], "jurisdictions": ["IN"]})

    found = await every(sqlite_api, "/v1/withholdings", **filters)

    assert [f"{row['jurisdiction']}/{row['target']}" for row in found] == expected


async def test_a_check_answers_as_sent_and_matches_upwards(api: Api) -> None:
    whole = await api.submit(later_json("@country", "@part"))
    path = f"/v1/directives/{whole['id']}/decisions"
    await api.post(path, {"decision": "comply", "targets": ["@country"]})
    await api.post(path, {"decision": "comply", "targets": ["@part"], "jurisdictions": ["IN-PB"]})
    sent = ["@Country", {"type": "account", "id": "part"}, "@other", "https://x.com/country"]

    found = {
        place: (await api.post("/v1/withholdings/check", {"jurisdiction": place, "targets": sent}))["withheld"]
        for place in ("IN", "IN-PB", "IN-MH", "PK", "XX")
    }

    assert found == {
        "IN": [sent[0], sent[3]],
        "IN-PB": [sent[0], sent[1], sent[3]],
        "IN-MH": [sent[0], sent[3]],
        "PK": [],
        "XX": [],
    }


async def test_a_check_counts_what_was_asked(sqlite_api: Api) -> None:
    answer = await sqlite_api.post("/v1/withholdings/check", {"jurisdiction": "IN", "targets": ["@a", "@a", "#b"]})

    assert answer == {"jurisdiction": "IN", "withheld": [], "checked": 3}


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"jurisdiction": "in"}, "/jurisdiction"),
        ({"jurisdiction": "EU"}, "/jurisdiction"),
        ({"jurisdiction": ""}, "/jurisdiction"),
        ({"jurisdiction": None}, "/jurisdiction"),
        ({"targets": []}, "/targets"),
        ({"targets": ["@a"] * 10_001}, "/targets"),
        ({"targets": ["@a", "a b"]}, "/targets/1"),
        ({"targets": "all"}, "/targets"),
        ({"more": 1}, "/more"),
    ],
)
async def test_a_wrong_check_is_refused_at_the_field_at_fault(sqlite_api: Api, changes: Any, pointer: str) -> None:
    body = {"jurisdiction": "IN", "targets": ["@a"], **changes}

    refused = await sqlite_api.post("/v1/withholdings/check", body, 422)

    assert refused["errors"][0]["pointer"] == pointer


async def test_a_check_takes_ten_thousand_targets(sqlite_api: Api) -> None:
    targets = [f"@acct_{number}" for number in range(10_000)]

    answer = await sqlite_api.post("/v1/withholdings/check", {"jurisdiction": "IN", "targets": targets})

    assert answer["checked"] == 10_000


async def test_the_registries_are_shown(sqlite_api: Api) -> None:
    bases = await sqlite_api.get("/v1/legal-bases")
    authorities = await sqlite_api.get("/v1/authorities")

    shipped = load_registry()
    assert [basis["id"] for basis in bases["items"]] == sorted(shipped.legal_bases)
    assert [found["id"] for found in authorities["items"]] == sorted(shipped.authorities)
    emergency = next(basis for basis in bases["items"] if basis["id"] == "in-it-act-69a-emergency")
    assert emergency["penalty"]["imprisonment_years_max"] == 7
    assert emergency["penalties"] == [emergency["penalty"]]
    (version,) = emergency["versions"]
    assert version == {name: value for name, value in emergency.items() if name not in ("penalty", "versions")}
    rules = next(basis for basis in bases["items"] if basis["id"] == "in-it-rules-3-1-d")
    assert [version["duties"][0]["duration"] for version in rules["versions"]] == ["P1DT43200S", "PT10800S"]
    assert (rules["in_force_from"], rules["duties"]) == ("2026-02-20", rules["versions"][1]["duties"])
    assert (bases["next"], authorities["next"]) == (None, None)


@pytest.mark.parametrize(
    ("path", "query", "parameter"),
    [
        ("/v1/directives", {"limit": 0}, "limit"),
        ("/v1/directives", {"limit": 1001}, "limit"),
        ("/v1/directives", {"limit": "many"}, "limit"),
        ("/v1/directives", {"cursor": "x"}, "cursor"),
        ("/v1/directives", {"cursor": "WyJhIl0="}, "cursor"),
        ("/v1/directives", {"cursor": "é"}, "cursor"),
        ("/v1/directives", {"authority": "a" * 65}, "authority"),
        ("/v1/directives", {"authority": "\x00"}, "authority"),
        ("/v1/directives", {"jurisdiction": "\x00"}, "jurisdiction"),
        ("/v1/directives", {"decision": "\x00"}, "decision"),
        ("/v1/withholdings", {"cursor": "WyJcdTAwMDAiLCAiIl0="}, "cursor"),
        ("/v1/withholdings", {"cursor": "WyJcdWQ4MDAiLCAiIl0="}, "cursor"),
        ("/v1/withholdings", {"jurisdiction": "EU"}, "jurisdiction"),
        ("/v1/withholdings", {"jurisdiction": "in"}, "jurisdiction"),
        ("/v1/withholdings", {"type": "user"}, "type"),
        ("/v1/withholdings", {"state": "blocked"}, "state"),
        ("/v1/withholdings/account:a/history", {"jurisdiction": "??"}, "jurisdiction"),
        ("/v1/withholdings/account:a/history", {"cursor": "WyJJTiIsIDkyMjMzNzIwMzY4NTQ3NzU4MDhd"}, "cursor"),
    ],
)
async def test_a_wrong_query_names_its_parameter(api: Api, path: str, query: dict[str, Any], parameter: str) -> None:
    refused = await api.get(path, 422, **query)

    assert refused["errors"][0]["parameter"] == parameter
