"""`dry_run`: what a write would do, told without doing it."""

from typing import Any

import pytest

from tests.support.blocklist import Api, unnamed
from tests.support.builders import later_json, order_json

ADDED = ("dry_run", "confirm_count", "overlaps", "overlaps_total")
NAMES = ("id", "batch", "lapses_at")

DECIDED = {"decision": "comply", "targets": ["@a"]}
LIFTED = {"cause": "error", "targets": ["@a"], "jurisdictions": ["IN"]}
NOTICED = {"kind": "reminder", "issued_at": "2021-02-01T00:00:00Z"}


async def rehearse(api: Api, path: str, body: Any) -> dict[str, Any]:
    """The answer to a dry run, which must have stored nothing."""
    before = await api.rows()
    answer = await api.post(path, {**body, "dry_run": True}, 200)
    assert await api.rows() == before
    assert answer["dry_run"]
    return answer


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """What a dry run and the write must have in common: all but the names that the write gives."""
    return {name: value for name, value in answer.items() if name not in (*ADDED, *NAMES)}


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("decisions", DECIDED, 200),
        ("decisions", {"decision": "refuse", "ground": "journalist", "targets": "undecided"}, 200),
        ("rescind", {"targets": ["@b"]}, 200),
        ("rescind", {"targets": "all"}, 200),
        ("stay", {"targets": ["@a"]}, 200),
        ("quash", {"targets": "all"}, 200),
        ("notices", {**NOTICED, "received_at": "2021-02-01T00:00:00Z"}, 201),
        ("replies", {"kind": "acknowledgement", "sent_at": "2021-02-02T00:00:00Z"}, 201),
    ],
)
async def test_a_dry_run_gives_the_answer_of_the_write_and_does_nothing(api: Api, act: str, body: Any, status: int) -> None:
    directive = await api.submit(later_json("@a", "@b"))
    path = f"/v1/directives/{directive['id']}/{act}"

    rehearsed = await rehearse(api, path, body)

    assert plain(rehearsed) == plain(await api.post(path, body, status))


async def test_a_submission_can_be_rehearsed(api: Api) -> None:
    rehearsed = await rehearse(api, "/v1/directives", order_json("@a", "@b"))

    assert plain(rehearsed) == plain(await api.submit(order_json("@a", "@b")))


async def test_a_release_can_be_rehearsed(api: Api) -> None:
    directive = await api.submit(order_json("@a", "@b"))
    body = {**LIFTED, "directive": directive["id"]}

    rehearsed = await rehearse(api, "/v1/releases", body)

    assert rehearsed["released"] == 1
    assert plain(rehearsed) == plain(await api.post("/v1/releases", body))


async def test_a_confirmation_can_be_rehearsed(sqlite_api: Api) -> None:
    directive = await sqlite_api.submit(order_json("@a"))
    path = f"/v1/directives/{directive['id']}/confirm"

    rehearsed = await rehearse(sqlite_api, path, {})
    confirmed = await sqlite_api.post(path, {})

    assert rehearsed["confirmed_at"]
    assert {**plain(rehearsed), "confirmed_at": None} == {**plain(confirmed), "confirmed_at": None}


async def test_a_dry_run_is_refused_as_the_write_would_be(api: Api) -> None:
    directive = await api.submit(order_json("@a"))

    await api.post("/v1/directives", order_json("@b", dry_run=True), 409)
    await api.post(f"/v1/directives/{directive['id']}/decisions", {**DECIDED, "targets": ["@z"], "dry_run": True}, 422)


async def test_a_dry_run_neither_takes_nor_gives_the_answer_of_a_key(api: Api) -> None:
    directive = await api.submit(later_json("@a"))
    path = f"/v1/directives/{directive['id']}/decisions"

    await api.post(path, {**DECIDED, "dry_run": True}, key="k")
    written = await api.post(path, DECIDED, key="k")
    rehearsed = await api.post(path, {**DECIDED, "dry_run": True}, key="k")

    assert (written["changed"], rehearsed["unchanged"]) == (1, 1)


async def test_a_dry_run_is_not_counted(sqlite_api: Api) -> None:
    await sqlite_api.post("/v1/directives", order_json("@a", dry_run=True))

    metrics = (await sqlite_api.client.get("/metrics")).text
    assert "geowithhold_directives_received_total{" not in metrics


async def test_a_dry_run_shows_what_other_directives_hold(api: Api) -> None:
    first = await api.submit(order_json("@a", "@b"))
    second = await api.submit(order_json("@b", "@c", reference="second"))

    rehearsed = await rehearse(api, "/v1/releases", {**LIFTED, "directive": first["id"], "targets": "all"})

    assert rehearsed["still_withheld"] == 1
    assert rehearsed["overlaps"] == [{"target": "account:b", "jurisdiction": "IN", "held_by": [second["id"]]}]


async def test_an_undecided_order_shows_what_is_withheld_already(api: Api) -> None:
    first = await api.submit(order_json("@a", "@b"))

    rehearsed = await rehearse(api, "/v1/directives", later_json("@b", "@z"))

    assert rehearsed["overlaps"] == [{"target": "account:b", "jurisdiction": "IN", "held_by": [first["id"]]}]


async def test_a_hundred_overlaps_are_shown_and_all_are_counted(sqlite_api: Api) -> None:
    names = [f"@a{number:03}" for number in range(120)]
    await sqlite_api.submit(order_json(*names))

    rehearsed = await rehearse(sqlite_api, "/v1/directives", later_json(*names))

    assert (len(rehearsed["overlaps"]), rehearsed["overlaps_total"]) == (100, 120)


async def test_what_ends_every_claim_overlaps_with_nobody(api: Api) -> None:
    await api.submit(order_json("@a"))
    await api.submit(order_json("@a", reference="second"))

    rehearsed = await rehearse(api, "/v1/releases", LIFTED)

    assert (rehearsed["released"], rehearsed["overlaps"]) == (2, [])
    assert unnamed(rehearsed)["withholdings_changed"] == 1
