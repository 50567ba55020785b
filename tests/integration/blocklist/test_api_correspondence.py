"""Confirmations, notices and replies."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.blocklist import Api
from tests.support.builders import later_json, order_json

NOTICE = {
    "kind": "non_compliance",
    "issued_at": "2021-02-03T06:00:00Z",
    "received_at": "2021-02-03T07:00:00Z",
    "provision": "s.69A(3)",
    "text": "block with immediate effect",
    "due_at": "2021-02-04T00:00:00Z",
}


async def test_an_emergency_directive_is_confirmed_once(api: Api, set_now: Callable[[str], None]) -> None:
    set_now("2021-02-01T10:00:00Z")
    directive = await api.submit(order_json())

    confirmed = await api.post(f"/v1/directives/{directive['id']}/confirm", {"targets": "all", "memo": "committee"})
    again = await api.post(f"/v1/directives/{directive['id']}/confirm", None, 409)

    assert confirmed["confirmed_at"].startswith("2021-02-01T10:00:0")
    assert (confirmed["status"], confirmed["revision"]) == ("in_force", 3)
    assert "confirmed already" in again["detail"]


async def test_a_confirmation_needs_no_body(api: Api) -> None:
    directive = await api.submit(order_json())

    response = await api.client.post(f"/v1/directives/{directive['id']}/confirm")

    assert response.json()["confirmed_at"]


async def test_only_interim_directives_are_confirmed(api: Api) -> None:
    directive = await api.submit(later_json())

    await api.post(f"/v1/directives/{directive['id']}/confirm", None, 409)
    await api.post("/v1/directives/dir_unknown/confirm", None, 404)


async def test_a_notice_is_kept_with_its_directive(api: Api) -> None:
    directive = await api.submit(order_json())

    notice = await api.post(f"/v1/directives/{directive['id']}/notices", NOTICE, 201)

    kept = {"id": notice["id"], **NOTICE, "elements": {}}
    effect = {"status": "in_force", "missing_elements": [], "withholdings_changed": 0}
    assert notice == {**kept, "directive": directive["id"], **effect}
    assert notice["id"].startswith("ntc_")
    assert (await api.get(f"/v1/directives/{directive['id']}"))["notices"] == [kept]


@pytest.mark.parametrize("kind", ["non_compliance", "reminder", "clarification", "hearing"])
async def test_a_notice_of_every_kind_is_a_case_event(api: Api, kind: str) -> None:
    directive = await api.submit(order_json())
    body = {"kind": kind, "issued_at": "2021-02-03T06:00:00Z"}
    notice = await api.post(f"/v1/directives/{directive['id']}/notices", body, 201)

    last = (await api.get(f"/v1/directives/{directive['id']}/timeline"))["items"][-1]

    assert last["type"] == "org.geowithhold.directive.noticed.v1"
    assert (last["data"]["notice"], last["data"]["kind"], last["detail"]) == (notice["id"], kind, None)


@pytest.mark.parametrize(
    "kind", ["acknowledgement", "effect_report", "impossibility", "clarification_request", "dialogue_request"]
)
async def test_a_reply_of_every_kind_is_kept_and_is_a_case_event(api: Api, kind: str) -> None:
    directive = await api.submit(order_json())
    body = {"kind": kind, "text": "we ask for formal dialogue", "sent_at": "2021-02-08T06:00:00Z"}

    sent = await api.post(f"/v1/directives/{directive['id']}/replies", body, 201)

    last = (await api.get(f"/v1/directives/{directive['id']}/timeline"))["items"][-1]
    assert sent == {"id": sent["id"], "directive": directive["id"], **body, "cause": None, "impediment_ended_at": None}
    assert (last["data"]["reply"], last["data"]["kind"]) == (sent["id"], kind)
    assert last["detail"] == {"text": "we ask for formal dialogue"}


async def test_what_was_written_is_shown_by_date_and_without_a_date_is_of_now(api: Api) -> None:
    directive = await api.submit(order_json())
    path = f"/v1/directives/{directive['id']}/replies"
    now = await api.post(path, {"kind": "acknowledgement"}, 201)
    early = await api.post(path, {"kind": "dialogue_request", "sent_at": "2021-02-08T06:00:00Z"}, 201)

    shown = (await api.get(f"/v1/directives/{directive['id']}"))["replies"]

    assert [reply["id"] for reply in shown] == [early["id"], now["id"]]


@pytest.mark.parametrize(
    ("what", "changes", "pointer"),
    [
        ("notices", {"kind": "threat"}, "/kind"),
        ("notices", {"issued_at": "2999-01-01T00:00:00Z", "received_at": None}, "/issued_at"),
        ("notices", {"received_at": "2999-01-01T00:00:00Z"}, "/received_at"),
        ("notices", {"received_at": "2021-02-03T05:00:00Z"}, "/received_at"),
        ("notices", {"issued_at": None}, "/issued_at"),
        ("notices", {"provision": "p" * 201}, "/provision"),
        ("notices", {"text": "t" * 10_001}, "/text"),
        ("notices", {"due_at": "soon"}, "/due_at"),
        ("notices", {"id": "ntc_1"}, "/id"),
        ("replies", {"kind": "refusal"}, "/kind"),
        ("replies", {"kind": "acknowledgement", "sent_at": "2999-01-01T00:00:00Z"}, "/sent_at"),
        ("replies", {"kind": "acknowledgement", "text": "\x00"}, "/text"),
    ],
)
async def test_a_wrong_letter_is_refused_at_the_field_at_fault(sqlite_api: Api, what: str, changes: Any, pointer: str) -> None:
    directive = await sqlite_api.submit(order_json())
    before = await sqlite_api.rows()

    body = {**(NOTICE if what == "notices" else {}), **changes}
    refused = await sqlite_api.post(f"/v1/directives/{directive['id']}/{what}", body, 422)

    assert refused["errors"][0]["pointer"] == pointer
    assert await sqlite_api.rows() == before


async def test_letters_about_an_unknown_directive_find_none(sqlite_api: Api) -> None:
    await sqlite_api.post("/v1/directives/dir_unknown/notices", NOTICE, 404)
    await sqlite_api.post("/v1/directives/dir_unknown/replies", {"kind": "acknowledgement"}, 404)


async def test_a_directive_that_ended_takes_no_notice(api: Api) -> None:
    directive = await api.submit(order_json())
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": "all"})

    await api.post(f"/v1/directives/{directive['id']}/notices", NOTICE, 409)
