"""Telling users over HTTP: which notices there are, what they say, and what was done about them."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.tables import directives
from tests.support.blocklist import Api, running_api
from tests.support.builders import later_json, order_json

BY_MAIL = {"channel": "e-mail", "at": "2021-02-01T06:00:00Z"}
OPEN: dict[str, Any] = {
    "authority": "au-esafety",
    "legal_basis": "au-osa-s109",
    "jurisdictions": ["AU"],
    "issued_at": "2024-03-01T06:00:00Z",
    "received_at": "2024-03-01T06:30:00Z",
    "reason": "class 1 material",
    "elements": {"source_of_illegality": "s.109"},
}
"""An order of which users may be told at once, and by whom it was made."""


async def notices(api: Api, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.get("/v1/user-notices", **query))["items"]
    return found


async def told(api: Api, **query: Any) -> list[tuple[str, str, str]]:
    return [(found["target"], found["change"], found["state"]) for found in await notices(api, **query)]


async def open_order(api: Api, *targets: str, **changes: Any) -> dict[str, Any]:
    """An order that may be told of, with everything complied with."""
    directive = await api.submit(order_json(*targets, **{**OPEN, **changes}))
    body = {"decision": "comply", "targets": "all"}
    await api.post(f"/v1/directives/{directive['id']}/decisions", body)
    return directive


async def release(api: Api, directive: dict[str, Any], *targets: str, place: str = "AU") -> None:
    body = {"cause": "error", "directive": directive["id"], "targets": list(targets), "jurisdictions": [place]}
    await api.post("/v1/releases", body)


async def sent(api: Api, notice: dict[str, Any], status: int = 200, **changes: Any) -> dict[str, Any]:
    return await api.post(f"/v1/user-notices/{notice['id']}/sent", {**BY_MAIL, **changes}, status)


async def waive(api: Api, notice: dict[str, Any], status: int = 200, **changes: Any) -> dict[str, Any]:
    return await api.post(f"/v1/user-notices/{notice['id']}/waive", {"memo": "no user", **changes}, status)


async def change(api: Api, directive: dict[str, Any], **values: Any) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(update(directives).where(directives.c.id == directive["id"]).values(values))

    await api.database.write(work)


async def test_each_item_that_is_withheld_is_to_be_told_and_no_other(api: Api) -> None:
    directive = await open_order(api, "@a", "#b", "post:123")
    await api.submit(later_json("@c"))

    found = await notices(api)

    assert [(one["target"], one["directive"], one["change"], one["jurisdictions"], one["state"]) for one in found] == [
        (target, directive["id"], "withheld", ["AU"], "due") for target in ("account:a", "hashtag:b", "post:123")
    ]
    assert [(one["at"], one["channel"], one["memo"], one["cause"]) for one in found] == [(None, None, None, None)] * 3


async def test_what_was_sent_is_not_due_until_something_changes(api: Api) -> None:
    directive = await open_order(api, "@a")
    (notice,) = await notices(api)

    answer = await sent(api, notice)

    assert answer == {**notice, "state": "sent", "at": "2021-02-01T06:00:00Z", "channel": "e-mail"}
    assert (await notices(api), await notices(api, state="due")) == ([answer], [])
    await release(api, directive, "@a")
    assert await told(api) == [("account:a", "released", "due")]


async def test_a_user_is_told_anew_each_time_that_it_begins_and_ends(api: Api) -> None:
    directive = await open_order(api, "@a")
    comply = {"decision": "comply", "targets": ["@a"]}
    seen = []
    for act in ("release", "comply", "release"):
        (notice,) = await notices(api, state="due")
        seen.append((notice["change"], notice["cause"]))
        await sent(api, notice)
        if act == "release":
            await release(api, directive, "@a")
        else:
            await api.post(f"/v1/directives/{directive['id']}/decisions", comply)

    assert seen == [("withheld", None), ("released", "error"), ("withheld", None)]
    assert await told(api) == [("account:a", "released", "due")]


async def test_a_decision_that_withholds_nothing_new_leaves_what_was_told_told(api: Api) -> None:
    directive = await open_order(api, "@a")
    await release(api, directive, "@a")
    (notice,) = await notices(api)
    await api.post(
        f"/v1/directives/{directive['id']}/decisions", {"decision": "refuse", "ground": "news_media", "targets": ["@a"]}
    )

    answer = await sent(api, notice)

    assert (answer["state"], answer["change"]) == ("sent", "released")
    assert await told(api, state="due") == []


async def test_a_notice_of_what_has_changed_since_is_refused_and_not_shown(api: Api) -> None:
    directive = await open_order(api, "@a")
    (notice,) = await notices(api)
    await release(api, directive, "@a")
    before = await api.rows()

    await sent(api, notice, 409)
    await waive(api, notice, 409)
    await api.get(f"/v1/user-notices/{notice['id']}", 409)

    assert await api.rows() == before


@pytest.mark.parametrize(("first", "second"), [(sent, sent), (sent, waive), (waive, waive), (waive, sent)])
async def test_a_notice_is_handled_once(sqlite_api: Api, first: Any, second: Any) -> None:
    await open_order(sqlite_api, "@a")
    (notice,) = await notices(sqlite_api)
    await first(sqlite_api, notice)
    before = await sqlite_api.rows()

    await second(sqlite_api, notice, 409)

    assert await sqlite_api.rows() == before


async def test_a_waived_notice_keeps_its_reason(api: Api) -> None:
    await open_order(api, "#a")
    (notice,) = await notices(api)

    answer = await waive(api, notice)

    assert (answer["state"], answer["memo"], answer["channel"]) == ("waived", "no user", None)


async def test_a_delayed_notice_is_sent_early_only_with_a_reason(api: Api) -> None:
    await api.submit(order_json("@a"))
    (notice,) = await notices(api)

    refused = await sent(api, notice, 422)
    answer = await sent(api, notice, memo="the ministry agreed")

    assert notice["state"] == "delayed"
    assert [fault["pointer"] for fault in refused["errors"]] == ["/memo"]
    assert (answer["state"], answer["memo"]) == ("sent", "the ministry agreed")


async def test_a_delayed_notice_is_due_when_the_directive_has_ended(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all"})

    assert await told(api) == [("account:a", "released", "due")]


@pytest.mark.parametrize("values", [{"sealed": True}, {"user_notice": "forbidden"}])
async def test_what_must_not_be_told_has_no_text_and_cannot_be_sent(api: Api, values: dict[str, Any]) -> None:
    directive = await open_order(api, "@a")
    await change(api, directive, **values)
    (notice,) = await notices(api)

    shown = await api.get(f"/v1/user-notices/{notice['id']}")
    await sent(api, notice, 409)
    await waive(api, notice, 409)

    assert (shown["state"], shown["subject"], shown["text"]) == ("forbidden", None, None)


async def test_the_law_of_the_day_says_whether_users_may_be_told(api: Api) -> None:
    await open_order(api, "@a")
    await api.submit(order_json("@b"))

    stored = {row["authority"]: row["user_notice"] for row in (await api.rows())["directives"]}

    assert stored == {"au-esafety": "allowed", "in-meity": "delayed"}


async def test_a_notice_is_written_in_both_languages(api: Api) -> None:
    await open_order(api, "@a")
    (notice,) = await notices(api)
    path = f"/v1/user-notices/{notice['id']}"

    english, hindi = await api.get(path), await api.get(path, language="hi")

    assert english["subject"] == "Withheld in Australia: your account @a"
    assert "X has received an order about your account @a and withholds it in Australia, and only there." in english["text"]
    assert "The order comes from eSafety Commissioner, Australia, under" in english["text"]
    assert hindi["subject"] == "ऑस्ट्रेलिया में रोक: आपका खाता @a"
    assert {name: english[name] for name in notice} == notice


async def test_a_confidential_directive_is_not_named(api: Api) -> None:
    await api.submit(order_json("@a", elements={"redress": "secret court"}))
    (notice,) = await notices(api)

    text = (await api.get(f"/v1/user-notices/{notice['id']}"))["text"]

    assert ("Ministry" in text, "Information Technology Act" in text, "secret court" in text) == (False, False, False)
    assert "in India, and only there" in text


async def test_the_order_s_own_words_on_redress_and_the_contact_of_the_settings_are_told(sqlite_database: str) -> None:
    async with running_api(sqlite_database, GEOWITHHOLD_APPEALS_CONTACT="appeals@example.org") as api:
        await open_order(api, "@a", elements={**OPEN["elements"], "redress": "the Tribunal"})
        (notice,) = await notices(api)

        text = (await api.get(f"/v1/user-notices/{notice['id']}"))["text"]

    assert ("appeals@example.org" in text, "the Tribunal" in text) == (True, True)


async def test_a_release_does_not_promise_what_another_directive_still_withholds(api: Api) -> None:
    one = await open_order(api, "@a")
    two = await open_order(api, "@a", reference="second")
    await release(api, one, "@a")
    (notice,) = await notices(api, directive=one["id"])
    path = f"/v1/user-notices/{notice['id']}"

    held = (await api.get(path))["text"]
    await release(api, two, "@a")
    freed = (await api.get(path))["text"]

    assert ("It can be seen again." in held, "It can be seen again." in freed) == (False, True)


async def test_a_claim_that_never_counted_is_told_to_nobody(api: Api) -> None:
    directive = await api.submit(order_json("@a", **OPEN))
    await api.post(f"/v1/directives/{directive['id']}/stay", {"targets": "all"})
    await api.post(f"/v1/directives/{directive['id']}/decisions", {"decision": "comply", "targets": "all"})

    assert await told(api) == []


async def test_notices_are_listed_page_by_page_and_filtered(api: Api) -> None:
    one = await open_order(api, "@b", "@a")
    two = await open_order(api, "@a", reference="second")
    await waive(api, (await notices(api))[0])

    pages = [await api.get("/v1/user-notices", limit=2)]
    pages.append(await api.get("/v1/user-notices", limit=2, cursor=pages[0]["next"]))

    listed = [(found["directive"], found["target"]) for page in pages for found in page["items"]]
    assert listed == [(one["id"], "account:a"), (one["id"], "account:b"), (two["id"], "account:a")]
    assert await told(api, directive=two["id"]) == [("account:a", "withheld", "due")]
    assert await told(api, target="@A", state="waived") == [("account:a", "withheld", "waived")]
    assert len(await told(api, state="due")) == 2


async def test_two_reports_of_one_notice_at_once_are_one(api: Api) -> None:
    await open_order(api, "@a")
    (notice,) = await notices(api)
    path = f"/v1/user-notices/{notice['id']}/sent"

    answers = await asyncio.gather(*(api.client.post(path, json=BY_MAIL) for _ in range(2)))

    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_rehearsal_and_a_repeated_request_send_once(api: Api) -> None:
    await open_order(api, "@a")
    (notice,) = await notices(api)
    path = f"/v1/user-notices/{notice['id']}/sent"

    rehearsed = await api.post(path, {**BY_MAIL, "dry_run": True})
    answers = [await api.post(path, BY_MAIL, key="once") for _ in range(2)]

    assert (rehearsed["state"], rehearsed["dry_run"]) == ("sent", True)
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("route", "body", "pointer"),
    [
        ("sent", {}, "/channel"),
        ("sent", {"channel": ""}, "/channel"),
        ("sent", {"channel": "e-mail", "at": "2999-01-01T00:00:00Z"}, "/at"),
        ("sent", {"channel": "e-mail", "extra": 1}, "/extra"),
        ("waive", {}, "/memo"),
        ("waive", {"memo": "  "}, "/memo"),
    ],
)
async def test_a_wrong_report_is_refused_at_the_field_at_fault(sqlite_api: Api, route: str, body: Any, pointer: str) -> None:
    await open_order(sqlite_api, "@a")
    (notice,) = await notices(sqlite_api)

    refused = await sqlite_api.post(f"/v1/user-notices/{notice['id']}/{route}", body, 422)

    assert [fault["pointer"] for fault in refused["errors"]] == [pointer]


@pytest.mark.parametrize(
    "query", [{"state": "told"}, {"target": "no target"}, {"directive": "no/id"}, {"cursor": "x"}, {"limit": 0}]
)
async def test_a_wrong_query_is_refused_by_name(sqlite_api: Api, query: dict[str, Any]) -> None:
    refused = await sqlite_api.get("/v1/user-notices", 422, **query)

    assert [fault["parameter"] for fault in refused["errors"]] == list(query)


@pytest.mark.parametrize(
    "id_",
    [
        "unt_none",
        "dir_1",
        "unt_WyJkaXJfMSIsImFjY291bnQ6YSIsIjAwIl0",  # a directive that is not there
        "unt_WyJkaXJfMSIsImFjY291bnQ6XHUwMDAwIiwiMDAiXQ",  # NUL, which no database takes
    ],
)
async def test_what_is_no_notice_is_not_found(api: Api, id_: str) -> None:
    await api.get(f"/v1/user-notices/{id_}", 404)
    await sent(api, {"id": id_}, 404)
    await waive(api, {"id": id_}, 404)


async def test_an_item_about_which_there_is_nothing_to_tell_has_no_notice(api: Api) -> None:
    directive = await open_order(api, "@a", "@b")
    await release(api, directive, "@a")
    (notice, _) = await notices(api)
    refused = await api.submit(order_json("@a", **{**OPEN, "reference": "second"}))

    other = notice["id"]
    assert await told(api, directive=refused["id"]) == []
    assert (await api.get(f"/v1/user-notices/{other}"))["directive"] == directive["id"]
    await api.get("/v1/user-notices/unt_" + _encoded(refused["id"], "account:a"), 404)


def _encoded(directive: str, target: str) -> str:
    from services.blocklist.domain.user_notice import TaskId
    from shared.ids import DirectiveId, Target

    return str(TaskId(DirectiveId(directive), Target(target), "00")).removeprefix("unt_")


async def informed(api: Api, directive: dict[str, Any]) -> list[str]:
    timeline = (await api.get(f"/v1/directives/{directive['id']}/timeline", limit=1000))["items"]
    return [each["data"]["informed_at"] for each in timeline if each["type"] == "org.geowithhold.directive.informed.v1"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_one_event_tells_that_the_last_user_was_told_and_when(api: Api, order: tuple[int, ...]) -> None:
    directive = await open_order(api, "@a", "#b", "post:123")
    await api.submit(order_json("@d", **{**OPEN, "reference": "other"}))
    due = await notices(api, directive=directive["id"])
    first, second, last = (due[place] for place in order)

    await sent(api, first, at="2021-02-01T09:00:00Z")
    await sent(api, second)
    before = await informed(api, directive)
    await sent(api, last)

    assert (before, await informed(api, directive)) == ([], ["2021-02-01T09:00:00Z"])


async def test_a_notice_that_is_waived_keeps_nobody_waiting(api: Api) -> None:
    directive = await open_order(api, "@a", "@b")
    first, second = await notices(api)
    await sent(api, first)

    await waive(api, second)

    assert len(await informed(api, directive)) == 1


async def test_users_are_told_anew_when_there_is_more_to_tell(api: Api) -> None:
    directive = await open_order(api, "@a")
    await sent(api, (await notices(api))[0])
    await release(api, directive, "@a")

    await sent(api, (await notices(api, state="due"))[0], at="2021-02-01T10:00:00Z")

    assert await informed(api, directive) == ["2021-02-01T06:00:00Z", "2021-02-01T10:00:00Z"]


async def test_delayed_notices_that_are_sent_one_by_one_make_one_event(api: Api) -> None:
    directive = await open_order(api, "@a", "@b")
    await change(api, directive, user_notice="delayed")

    for notice in await notices(api):
        await sent(api, notice, memo="the authority allows it")

    assert len(await informed(api, directive)) == 1


async def test_a_rehearsal_tells_nobody_that_users_were_told(api: Api) -> None:
    directive = await open_order(api, "@a")

    await sent(api, (await notices(api))[0], dry_run=True)

    assert await informed(api, directive) == []
