"""Directives as documents for others, over HTTP: what is answered, page by page, and what is refused with its reason."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.exports.dsa import batch_faults
from services.blocklist.tables import directives
from shared.registry import load_registry
from tests.support.blocklist import Api, running_api
from tests.support.builders import order_json

LETTER: dict[str, Any] = {"permission": "letter of the ministry"}
ELEMENTS = dict.fromkeys(
    ("issuing_officer", "signature", "contact", "feedback_contact", "redress", "language", "provision", "exact_location"), "given"
)


def tco_json(*targets: Any, **changes: Any) -> dict[str, Any]:
    """A removal order that is decided item by item."""
    body = {
        "authority": "de-bka",
        "reference": "TE 12/2026",
        "legal_basis": "eu-tco",
        "issued_at": "2026-03-01T09:30:00Z",
        "received_at": "2026-03-01T10:00:00Z",
        "jurisdictions": ["DE"],
        "reason": "incitement",
        "elements": ELEMENTS,
        **changes,
    }
    return order_json(*targets, **body)


async def comply(api: Api, directive: str, *targets: str, **scope: Any) -> None:
    await api.post(f"/v1/directives/{directive}/decisions", {"decision": "comply", "targets": list(targets), **scope})


async def change(api: Api, directive: str, **values: Any) -> None:
    """What other routes will do: sets columns of the directive."""

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(update(directives).where(directives.c.id == directive).values(values))

    await api.database.write(work)


async def test_a_directive_is_answered_as_a_notice_for_lumen(api: Api) -> None:
    directive = await api.submit(order_json("@a", "#farmers", reason="Ask Shri Rao, a@b.in"))

    found = await api.get(f"/v1/directives/{directive['id']}/exports/lumen", **LETTER)

    notice = found["notice"]
    urls = [url["url"] for work in notice["works_attributes"] for url in work["infringing_urls_attributes"]]
    assert (notice["type"], notice["action_taken"], notice["jurisdiction_list"]) == ("GovernmentRequest", "Yes", ["IN"])
    assert urls == ["https://x.com/a", "https://x.com/hashtag/farmers"]
    assert notice["body"] == "Ask Shri [redacted], [redacted]"
    assert (found["state"], found["next"]) == ("published", None)


async def test_full_redaction_leaves_the_text_out(api: Api) -> None:
    directive = await api.submit(order_json("@a", reason="a text"))

    found = await api.get(f"/v1/directives/{directive['id']}/exports/lumen", redact="full", **LETTER)

    assert "body" not in found["notice"]


async def test_what_the_order_declares_of_itself_stands_in_the_notice(api: Api) -> None:
    elements = {"language": "Hindi", "issuing_officer": "Asha Mehta, Director"}
    directive = await api.submit(order_json("@a", reason="Asha Mehta asks", elements=elements))

    notice = (await api.get(f"/v1/directives/{directive['id']}/exports/lumen", **LETTER))["notice"]

    assert (notice["language"], notice["body"]) == ("hi", "[redacted] asks")


@pytest.mark.parametrize(("declared", "code"), [("de", "de"), ("XX", None), ("a language", None), ("Old Church Slavonic", None)])
async def test_only_a_language_that_has_a_code_is_told(sqlite_api: Api, declared: str, code: str | None) -> None:
    directive = await sqlite_api.submit(order_json("@a", elements={"language": declared}))

    notice = (await sqlite_api.get(f"/v1/directives/{directive['id']}/exports/lumen", **LETTER))["notice"]

    assert notice.get("language") == code


async def test_a_large_directive_takes_several_notices(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b", "@c"))
    path = f"/v1/directives/{directive['id']}/exports/lumen"

    first = await api.get(path, limit=2, **LETTER)
    second = await api.get(path, limit=2, cursor=first["next"], **LETTER)

    works = [page["notice"]["works_attributes"][0]["infringing_urls_attributes"] for page in (first, second)]
    assert works == [[{"url": "https://x.com/a"}, {"url": "https://x.com/b"}], [{"url": "https://x.com/c"}]]
    assert ["(continued)" in page["notice"]["title"] for page in (first, second)] == [False, True]
    assert second["next"] is None


async def test_a_directive_that_ended_is_rescinded_in_lumen(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all"})

    found = await api.get(f"/v1/directives/{directive['id']}/exports/lumen", **LETTER)

    assert found["state"] == "rescinded"


async def test_the_platform_is_named_and_addressed_as_the_settings_say(sqlite_database: str) -> None:
    settings = {"GEOWITHHOLD_PLATFORM_NAME": "Example", "GEOWITHHOLD_PLATFORM_ACCOUNT_URL": "https://example.org/@{id}"}
    async with running_api(sqlite_database, **settings) as api:
        directive = await api.submit(order_json("@a"))

        notice = (await api.get(f"/v1/directives/{directive['id']}/exports/lumen", **LETTER))["notice"]

    roles = {role["name"]: role["entity_attributes"]["name"] for role in notice["entity_notice_roles_attributes"]}
    assert (roles["recipient"], roles["submitter"]) == ("Example", "Example")
    assert notice["works_attributes"][0]["infringing_urls_attributes"] == [{"url": "https://example.org/@a"}]


async def test_decisions_are_answered_as_statements_and_everything_else_is_counted(api: Api) -> None:
    directive = await api.submit(tco_json("@a", "@b", "@c", "@d", "@e"))
    path = f"/v1/directives/{directive['id']}"
    await comply(api, directive["id"], "@a", "@b", "@d")
    await api.post(f"{path}/decisions", {"decision": "refuse", "ground": "news_media", "targets": ["@c"]})
    release = {"cause": "error", "directive": directive["id"], "targets": ["@d"], "jurisdictions": ["DE"]}
    await api.post("/v1/releases", release)

    found = await api.get(f"{path}/exports/dsa")

    assert [statement["territorial_scope"] for statement in found["statements"]] == [["DE"], ["DE"]]
    assert batch_faults(found["statements"]) == ()
    assert (found["left_out"], found["next"]) == ({"refused": 1, "released": 1, "undecided": 1}, None)


async def test_every_item_is_in_the_figures_of_one_page(api: Api) -> None:
    directive = await api.submit(tco_json(*(f"@acct_{number}" for number in range(9))))
    await comply(api, directive["id"], "@acct_1", "@acct_2", "@acct_4", "@acct_6", "@acct_8")
    await comply(api, directive["id"], "@acct_3", jurisdictions=["DE-BY"])
    path = f"/v1/directives/{directive['id']}/exports/dsa"

    pages = [await api.get(path, limit=2)]
    while pages[-1]["next"]:
        pages.append(await api.get(path, limit=2, cursor=pages[-1]["next"]))

    assert [len(page["statements"]) for page in pages] == [2, 2, 1]
    assert [page["left_out"] for page in pages] == [{"undecided": 1}, {"part_of_a_state": 1, "undecided": 1}, {"undecided": 1}]
    assert len({statement["puid"] for page in pages for statement in page["statements"]}) == 5


@pytest.mark.parametrize(
    ("form", "body", "values", "reason"),
    [
        ("lumen", order_json("@a"), {}, "confidential"),
        ("lumen", order_json("@a"), {"sealed": True}, "sealed"),
        ("lumen", tco_json("@a"), {"kind": "unblock"}, "unblock"),
        ("dsa", order_json("@a"), {}, "outside_eea"),
        ("dsa", tco_json("@a", legal_basis="eu-dsa-art9"), {}, "dsa_article_9"),
        ("dsa", tco_json("@a"), {"sealed": True}, "sealed"),
        ("dsa", tco_json("@a"), {"channel": "informal"}, "informal"),
        ("dsa", tco_json("@a"), {"kind": "unblock"}, "unblock"),
    ],
)
async def test_what_a_form_cannot_hold_is_refused_with_a_reason(
    sqlite_api: Api, form: str, body: Any, values: dict[str, Any], reason: str
) -> None:
    directive = await sqlite_api.submit(body)
    if values:
        await change(sqlite_api, directive["id"], **values)

    refused = await sqlite_api.get(f"/v1/directives/{directive['id']}/exports/{form}", 409)

    assert refused["reason"] == reason


@pytest.mark.parametrize("form", ["lumen", "dsa"])
async def test_there_is_no_document_of_a_directive_that_is_not_there(sqlite_api: Api, form: str) -> None:
    await sqlite_api.get(f"/v1/directives/dir_none/exports/{form}", 404)


@pytest.mark.parametrize(
    ("form", "query"),
    [
        ("lumen", {"redact": "some"}),
        ("lumen", {"limit": 10_001}),
        ("dsa", {"limit": 101}),
        ("dsa", {"cursor": "x"}),
        ("dsa", {"limit": 0}),
    ],
)
async def test_a_wrong_query_is_refused_by_name(sqlite_api: Api, form: str, query: dict[str, Any]) -> None:
    directive = await sqlite_api.submit(tco_json("@a"))

    refused = await sqlite_api.get(f"/v1/directives/{directive['id']}/exports/{form}", 422, **query)

    assert [fault["parameter"] for fault in refused["errors"]] == list(query)


async def test_a_directive_whose_law_the_registry_lost_is_not_exported(sqlite_api: Api) -> None:
    directive = await sqlite_api.submit(tco_json("@a"))
    assert "xa-lost" not in load_registry().authorities
    await change(sqlite_api, directive["id"], authority="xa-lost")

    refused = await sqlite_api.get(f"/v1/directives/{directive['id']}/exports/dsa", 409)

    assert "xa-lost" in refused["detail"]


async def test_pages_read_at_once_are_each_whole(api: Api) -> None:
    directive = await api.submit(tco_json("@a", "@b"))
    await comply(api, directive["id"], "@a", "@b")
    path = f"/v1/directives/{directive['id']}/exports/dsa"

    pages = await asyncio.gather(*(api.get(path) for _ in range(4)))

    assert [len(page["statements"]) for page in pages] == [2, 2, 2, 2]
