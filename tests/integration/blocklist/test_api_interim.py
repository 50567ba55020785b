"""Emergency directives stand for a time: confirmed as a whole or in part, or lapsed by themselves."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.blocklist import Api
from tests.support.builders import order_json
from tests.support.eventually import eventually

SetNow = Callable[[str], None]


async def confirm(api: Api, directive: dict[str, Any], status: int = 200, **body: Any) -> dict[str, Any]:
    return await api.post(f"/v1/directives/{directive['id']}/confirm", body, status)


async def becomes(api: Api, directive: dict[str, Any], **fields: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {}

    async def is_so() -> bool:
        shown.update(await api.get(f"/v1/directives/{directive['id']}"))
        return fields.items() <= shown.items()

    await eventually(is_so)
    return shown


async def test_an_emergency_directive_lapses_48_hours_after_its_issue_unless_it_is_confirmed(api: Api, set_now: SetNow) -> None:
    set_now("2021-02-01T10:00:00Z")
    unconfirmed = await api.submit(order_json("@a", "@b"))
    confirmed = await api.submit(order_json("@b", reference="confirmed"))
    await confirm(api, confirmed)

    set_now("2021-02-02T06:00:00Z")
    shown = await becomes(api, unconfirmed, status="interim_lapsed")

    assert unconfirmed["lapses_at"] == "2021-02-02T06:00:00Z"
    assert shown["released_by_cause"]["interim_lapsed"] == 2
    assert (await api.get(f"/v1/directives/{confirmed['id']}"))["status"] == "in_force"
    history = (await api.get("/v1/withholdings/account:a/history"))["items"]
    assert [(version["state"], version["cause"]) for version in history] == [("withheld", None), ("released", "interim_lapsed")]
    assert (await api.get("/v1/withholdings/account:b"))["withheld"]["country_codes"] == ["IN"]
    last = (await api.get(f"/v1/directives/{unconfirmed['id']}/timeline"))["items"][-2]
    assert last["type"] == "org.geowithhold.directive.lapsed.v1"
    assert (last["data"]["released"], last["data"]["withdrawn"]) == (2, 0)


async def test_what_is_confirmed_stands_and_the_rest_lapses(api: Api, set_now: SetNow) -> None:
    set_now("2021-02-01T10:00:00Z")
    directive = await api.submit(order_json("@a", "@b", "@c"))

    partly = await confirm(api, directive, targets=["@a"])
    wider = await confirm(api, directive, targets=["@a", "@b"], memo="committee")
    set_now("2021-02-02T06:00:00Z")
    shown = await becomes(api, directive, lapses_at=None)

    assert (partly["lapses_at"], wider["lapses_at"]) == ("2021-02-02T06:00:00Z", "2021-02-02T06:00:00Z")
    assert (shown["status"], shown["items"]["complied"], shown["released_by_cause"]["interim_lapsed"]) == ("in_force", 2, 1)
    assert "confirmed already" in (await confirm(api, directive, 409))["detail"]
    items = (await api.get(f"/v1/directives/{directive['id']}/items"))["items"]
    assert [(item["confirmed"], item["final"]) for item in items] == [(True, False), (True, False), (False, True)]


async def test_events_tell_when_what_is_not_confirmed_lapses(api: Api, set_now: SetNow) -> None:
    set_now("2021-02-01T10:00:00Z")
    directive = await api.submit(order_json("@a", "@b"))
    await confirm(api, directive, targets=["@a"])
    partly = await told_to_lapse(api, directive)

    await confirm(api, directive)

    assert set(partly) == {"2021-02-02T06:00:00Z"}
    assert (await told_to_lapse(api, directive))[len(partly) :] == [None]


async def test_no_event_of_what_lapsed_speaks_of_more_to_lapse(api: Api, set_now: SetNow) -> None:
    set_now("2021-02-01T10:00:00Z")
    directive = await api.submit(order_json("@a", "@b"))
    await confirm(api, directive, targets=["@a"])
    before = await told_to_lapse(api, directive)

    set_now("2021-02-02T06:00:00Z")
    await becomes(api, directive, lapses_at=None)

    assert set((await told_to_lapse(api, directive))[len(before) :]) == {None}


async def told_to_lapse(api: Api, directive: dict[str, Any]) -> list[str | None]:
    timeline = (await api.get(f"/v1/directives/{directive['id']}/timeline"))["items"]
    return [entry["data"]["lapses_at"] for entry in timeline]


async def test_the_confirmation_of_every_target_confirms_the_directive(api: Api, set_now: SetNow) -> None:
    set_now("2021-02-01T10:00:00Z")
    directive = await api.submit(order_json("@a", "@b"))
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": ["@b"]})

    confirmed = await confirm(api, directive, targets=["@a"])

    assert (confirmed["lapses_at"], confirmed["status"]) == (None, "in_force")


async def test_a_lapse_when_all_that_was_not_confirmed_has_ended_changes_nothing_else(api: Api, set_now: SetNow) -> None:
    set_now("2021-02-01T10:00:00Z")
    directive = await api.submit(order_json("@a", "@b"))
    await confirm(api, directive, targets=["@a"])
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": ["@b"]})
    before = await api.get(f"/v1/directives/{directive['id']}")

    set_now("2021-02-02T06:00:00Z")
    shown = await becomes(api, directive, lapses_at=None)

    assert shown == {**before, "lapses_at": None}


async def test_an_order_recorded_long_after_its_issue_can_be_confirmed_before_it_lapses(api: Api, set_now: SetNow) -> None:
    set_now("2021-03-01T10:00:00Z")
    directive = await api.submit(order_json("@a"))

    assert directive["lapses_at"].startswith("2021-03-03T10:00:0")
    assert (await confirm(api, directive))["lapses_at"] is None


@pytest.mark.parametrize("targets", [["@unknown"], []])
async def test_a_wrong_confirmation_is_refused(sqlite_api: Api, targets: list[str]) -> None:
    directive = await sqlite_api.submit(order_json("@a"))

    refused = await confirm(sqlite_api, directive, 422, targets=targets)

    assert refused["errors"][0]["pointer"].startswith("/targets")


async def test_what_has_ended_is_not_confirmed(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b"))
    await api.post(f"/v1/directives/{directive['id']}/rescind", {"targets": ["@a"]})

    refused = await confirm(api, directive, 409, targets=["@a", "@b"])

    assert (refused["errors"][0]["pointer"], "confirm" in refused["detail"]) == ("/targets/0", True)


async def test_an_informal_request_is_recorded_as_such_and_no_law_sets_it_a_clock(api: Api, set_now: SetNow) -> None:
    set_now("2021-02-01T10:00:00Z")

    request = await api.submit(order_json("@a", channel="informal", sealed=True))

    assert (request["status"], request["channel"], request["sealed"]) == ("in_force", "informal", True)
    assert (request["items"]["undecided"], request["withholdings_changed"]) == (1, 0)
    assert (request["due_at"], request["lapses_at"]) == (None, None)
    assert "no interim" in (await confirm(api, request, 409))["detail"]
    received = (await api.get(f"/v1/directives/{request['id']}/timeline"))["items"][0]["data"]
    assert (received["channel"], received["sealed"]) == ("informal", True)
    metrics = (await api.client.get("/metrics")).text
    assert 'geowithhold_informal_requests_total{jurisdiction="IN",legal_basis="in-it-act-69a-emergency"} 1.0' in metrics
