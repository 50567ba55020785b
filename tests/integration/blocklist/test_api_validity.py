"""Orders that lack something: clarified, accepted as they are, or rejected. What impossibilities and releases give as reasons."""

from typing import Any

import pytest

from services.blocklist.domain.validity import AskClarification, Reject
from services.blocklist.handlers.correspondence import Notice, add_notice
from services.blocklist.handlers.submit import submit
from tests.support.blocklist import Api, make_commands, unnamed
from tests.support.builders import NOON, directive_id, make_order, order_json, target
from tests.support.fakes import FakeClock

LACKING = ["provision", "redress", "language"]
SUPPLIED = {"provision": "s. 86a StGB", "redress": "Verwaltungsgericht Wiesbaden", "language": "de"}
CLARIFICATION = {"kind": "clarification", "issued_at": "2024-03-02T06:00:00Z"}


def order(*targets: str, **changes: Any) -> dict[str, Any]:
    """An order of a national authority under Article 9 of the Digital Services Act, which lists what such an order contains."""
    times = {"issued_at": "2024-03-01T06:00:00Z", "received_at": "2024-03-01T06:00:00Z"}
    basis = {
        "authority": "de-bka",
        "legal_basis": "eu-dsa-art9",
        "jurisdictions": ["DE"],
        "reason": "incitement",
        "elements": {},
        **times,
    }
    return order_json(*targets, **{**basis, **changes})


async def post(api: Api, directive: dict[str, Any], name: str, body: Any, status: int = 200) -> dict[str, Any]:
    return unnamed(await api.post(f"/v1/directives/{directive['id']}/{name}", body, status))


async def show(api: Api, directive: dict[str, Any]) -> dict[str, Any]:
    return await api.get(f"/v1/directives/{directive['id']}")


async def timeline(api: Api, directive: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    told = (await api.get(f"/v1/directives/{directive['id']}/timeline"))["items"]
    return [(entry["type"].removeprefix("org.geowithhold.directive.").removesuffix(".v1"), entry["data"]) for entry in told]


async def test_an_order_that_lacks_elements_waits_and_names_them(api: Api) -> None:
    directive = await api.submit(order("@a"))

    assert (directive["status"], directive["missing_elements"], directive["elements"]) == ("awaiting_clarification", LACKING, {})
    assert (directive["items"]["undecided"], directive["withholdings_changed"]) == (1, 0)
    assert (await timeline(api, directive))[0][1]["missing"] == LACKING


async def test_an_order_with_all_elements_is_in_force_at_once(api: Api) -> None:
    directive = await api.submit(order("@a", elements=SUPPLIED))

    assert (directive["status"], directive["missing_elements"], directive["elements"]) == ("in_force", [], SUPPLIED)


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"reason": None}, ["statement_of_reasons"]),
        ({"reason": "  "}, ["statement_of_reasons"]),
        ({"reason": None, "elements": {**SUPPLIED, "statement_of_reasons": "annex 1"}}, []),
        ({"targets": ["#word"]}, ["exact_location"]),
        ({"targets": ["#word"], "elements": {**SUPPLIED, "exact_location": "the trend page"}}, []),
        ({"kind": "unblock", "elements": None}, []),
        ({"channel": "informal", "elements": None}, []),
    ],
)
async def test_a_field_of_the_order_carries_its_element(sqlite_api: Api, changes: dict[str, Any], missing: list[str]) -> None:
    directive = await sqlite_api.submit(order("@a", **{"elements": SUPPLIED, **changes}))

    assert directive["missing_elements"] == missing


async def test_what_nobody_has_looked_for_stops_no_order_and_is_named(api: Api) -> None:
    directive = await api.submit(order("@a", elements=None))
    brought = {**CLARIFICATION, "elements": {"redress": "Verwaltungsgericht Wiesbaden"}}
    await post(api, directive, "notices", brought, 201)

    assert (directive["status"], directive["missing_elements"]) == ("in_force", [])
    assert directive["unexamined_elements"] == LACKING
    assert (await show(api, directive))["unexamined_elements"] == ["provision", "language"]


async def test_the_law_that_is_cited_is_the_source_of_illegality(sqlite_api: Api) -> None:
    singapore = {"authority": "sg-imda", "legal_basis": "sg-pofma", "jurisdictions": ["SG"]}
    directive = await sqlite_api.submit(order("@a", **singapore))

    assert (directive["status"], directive["missing_elements"]) == ("in_force", [])


async def test_a_requirement_that_was_not_verified_stops_no_order(sqlite_api: Api) -> None:
    directive = await sqlite_api.submit(order("@a", legal_basis="eu-tco"))

    assert (directive["status"], directive["missing_elements"]) == ("in_force", [])


async def test_while_an_order_waits_nothing_can_be_decided_or_released(api: Api) -> None:
    directive = await api.submit(order("@a"))
    before = await api.rows()

    refused = [
        await post(api, directive, "decisions", {"decision": "comply", "targets": "all"}, 409),
        await post(api, directive, "stay", {"targets": "all"}, 409),
        await post(api, directive, "rescind", {"targets": "all"}, 409),
    ]
    release = {"cause": "error", "directive": directive["id"], "targets": "all", "jurisdictions": ["DE"]}
    await api.post("/v1/releases", release, 409)

    assert ["'awaiting_clarification'" in problem["detail"] for problem in refused] == [True] * 3
    assert await api.rows() == before


async def test_a_clarification_that_brings_the_last_element_brings_the_order_into_force(api: Api) -> None:
    directive = await api.submit(order("@a"))

    some = await post(api, directive, "notices", {**CLARIFICATION, "elements": {"provision": "s. 86a StGB"}}, 201)
    more = {name: SUPPLIED[name] for name in ("redress", "language")}
    rest = await post(api, directive, "notices", {**CLARIFICATION, "elements": more}, 201)
    decided = await post(api, directive, "decisions", {"decision": "comply", "targets": "all"})

    assert (some["status"], some["missing_elements"]) == ("awaiting_clarification", ["redress", "language"])
    assert (rest["status"], rest["missing_elements"], rest["elements"]) == ("in_force", [], more)
    assert decided["withholdings_changed"] == 1
    shown = await show(api, directive)
    assert (shown["elements"], shown["missing_elements"]) == (SUPPLIED, [])
    told = await timeline(api, directive)
    assert [name for name, _ in told] == ["received", "items", "noticed", "noticed", "accepted", "decided", "items"]
    assert (told[3][1]["supplied"], told[3][1]["status"], told[4][1]["waived"]) == (list(more), "awaiting_clarification", [])


async def test_a_clarification_without_elements_leaves_the_order_waiting(api: Api) -> None:
    directive = await api.submit(order("@a"))

    assert (await post(api, directive, "notices", CLARIFICATION, 201))["status"] == "awaiting_clarification"


async def test_what_a_clarification_brings_for_an_order_in_force_is_kept_with_it(api: Api) -> None:
    directive = await api.submit(order("@a", elements=SUPPLIED))

    await post(api, directive, "notices", {**CLARIFICATION, "elements": {"contact": "desk@example.org"}}, 201)

    assert (await show(api, directive))["elements"] == {**SUPPLIED, "contact": "desk@example.org"}


async def test_the_platform_may_do_without_what_is_missing(api: Api) -> None:
    directive = await api.submit(order("@a"))

    accepted = await post(api, directive, "accept", {"memo": "plain enough"})
    again = await post(api, directive, "accept", None, 409)

    assert (accepted["status"], accepted["missing_elements"], accepted["withholdings_changed"]) == ("in_force", [], 0)
    assert (await timeline(api, directive))[-1] == ("accepted", (await timeline(api, directive))[-1][1])
    assert (await timeline(api, directive))[-1][1]["waived"] == LACKING
    assert "'accept'" in again["detail"]


async def test_the_platform_may_reject_an_order_that_lacks_something_and_then_nothing_moves_it(api: Api) -> None:
    directive = await api.submit(order("@a"))

    rejected = await post(api, directive, "reject", {"memo": "no redress"})

    assert (rejected["status"], rejected["missing_elements"]) == ("rejected", LACKING)
    assert (await timeline(api, directive))[-1][1]["missing"] == LACKING
    await post(api, directive, "notices", {**CLARIFICATION, "elements": SUPPLIED}, 409)
    await post(api, directive, "accept", None, 409)
    await post(api, directive, "replies", {"kind": "dialogue_request"}, 201)


async def test_an_order_in_force_is_not_rejected(api: Api) -> None:
    directive = await api.submit(order_json("@a"))

    await post(api, directive, "reject", {"memo": "late"}, 409)


async def test_an_order_waits_with_what_it_supersedes_until_it_is_in_force(api: Api) -> None:
    old = await api.submit(order("@a", "@b", elements=SUPPLIED))
    await post(api, old, "decisions", {"decision": "comply", "targets": "all"})
    new = await api.submit(order("@b", reference="newer", supersedes=old["id"]))

    before = await show(api, old)
    accepted = await post(api, new, "accept", None)
    after = await show(api, old)

    assert (before["status"], before["items"]["complied"]) == ("in_force", 2)
    assert accepted["withholdings_changed"] == 1
    assert (after["status"], after["items"]["complied"], after["released_by_cause"]["superseded"]) == ("in_force", 1, 1)


async def test_an_order_whose_time_ran_out_while_it_waited_is_not_accepted(api: Api, set_now: Any) -> None:
    set_now("2024-03-01T10:00:00Z")
    directive = await api.submit(order("@a", expires_at="2024-03-01T12:00:00Z"))
    set_now("2024-03-01T12:00:00Z")

    refused = await post(api, directive, "accept", None, 409)

    assert "'expired'" in refused["detail"]
    assert (await show(api, directive))["status"] == "awaiting_clarification"


async def test_what_is_complied_with_at_intake_is_so_when_the_order_is_complete(api: Api) -> None:
    commands = make_commands(api.database, FakeClock())
    lacking = make_order(1, target("a"), comply_at_intake=True, verdict=AskClarification(("redress",)))
    await commands.run(lambda unit: submit(unit, lacking))
    notice = Notice(
        id="ntc_1",
        directive=directive_id(1),
        kind="clarification",
        issued_at=NOON,
        received_at=NOON,
        provision=None,
        text=None,
        due_at=None,
        elements={"redress": "court"},
    )

    accepted = await commands.run(lambda unit: add_notice(unit, notice))

    assert (accepted.directive.status, accepted.withholdings_changed) == ("in_force", 1)
    assert (await api.get("/v1/withholdings/account:a"))["withheld"]["country_codes"] == ["IN"]


async def test_an_order_without_what_makes_it_one_is_rejected_at_intake(api: Api) -> None:
    none = make_order(1, target("a"), comply_at_intake=True, verdict=Reject(("signature",)))

    submitted = await make_commands(api.database, FakeClock()).run(lambda unit: submit(unit, none))

    assert (submitted.directive.status, submitted.withholdings_changed) == ("rejected", 0)
    shown = await api.get(f"/v1/directives/{directive_id(1)}")
    assert (shown["status"], shown["missing_elements"], shown["items"]["undecided"]) == ("rejected", ["signature"], 1)


@pytest.mark.parametrize(
    ("name", "body", "pointer"),
    [
        ("notices", {"kind": "reminder", "issued_at": "2024-03-02T06:00:00Z", "elements": SUPPLIED}, "/elements"),
        ("notices", {**CLARIFICATION, "elements": {"charm": "x"}}, "/elements/charm/[key]"),
        ("notices", {**CLARIFICATION, "elements": {"redress": " "}}, "/elements/redress"),
        ("notices", {**CLARIFICATION, "received_at": "2999-01-01T00:00:00Z"}, "/received_at"),
        ("reject", {}, "/memo"),
        ("reject", {"memo": " "}, "/memo"),
        ("accept", {"waive": ["redress"]}, "/waive"),
        ("replies", {"kind": "acknowledgement", "cause": "force_majeure"}, "/cause"),
        ("replies", {"kind": "impossibility", "cause": "laziness"}, "/cause"),
        ("replies", {"kind": "effect_report", "impediment_ended_at": "2024-03-02T06:00:00Z"}, "/impediment_ended_at"),
        ("replies", {"kind": "impossibility", "impediment_ended_at": "2999-01-01T00:00:00Z"}, "/impediment_ended_at"),
    ],
)
async def test_what_does_not_fit_is_refused_at_the_field_at_fault(sqlite_api: Api, name: str, body: Any, pointer: str) -> None:
    directive = await sqlite_api.submit(order("@a"))
    before = await sqlite_api.rows()

    refused = await post(sqlite_api, directive, name, body, 422)

    assert refused["errors"][0]["pointer"] == pointer
    assert await sqlite_api.rows() == before


async def test_an_impossibility_says_why_and_when_it_ended(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    body = {"kind": "impossibility", "cause": "manifest_errors", "impediment_ended_at": "2021-02-02T06:00:00Z"}

    sent = await post(api, directive, "replies", body, 201)

    assert (sent["cause"], sent["impediment_ended_at"]) == ("manifest_errors", "2021-02-02T06:00:00Z")
    assert (await show(api, directive))["replies"][0]["cause"] == "manifest_errors"
    replied = (await timeline(api, directive))[-1][1]
    assert (replied["cause"], replied["impediment_ended_at"]) == ("manifest_errors", "2021-02-02T06:00:00Z")


async def test_a_release_may_name_its_ground(api: Api) -> None:
    directive = await api.submit(order_json("@a"))
    body = {"cause": "platform_decision", "directive": directive["id"], "targets": "all", "jurisdictions": ["IN"]}

    await api.post("/v1/releases", {**body, "memo": "press", "approvers": ["Asha", "Ravi"], "ground": "news_media"})

    assert ("released", "news_media") in [(name, data.get("ground")) for name, data in await timeline(api, directive)]


async def test_a_notice_after_the_time_of_its_directive_ran_out_is_refused(api: Api, set_now: Any) -> None:
    set_now("2021-02-01T10:00:00Z")
    directive = await api.submit(order_json("@a", expires_at="2021-02-01T12:00:00Z"))
    set_now("2021-02-01T12:00:00Z")

    for name, body in (
        ("notices", {"kind": "reminder", "issued_at": "2021-02-01T11:00:00Z"}),
        ("decisions", {"decision": "comply", "targets": "all"}),
    ):
        assert "'expired'" in (await post(api, directive, name, body, 409))["detail"]
