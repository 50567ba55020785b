"""An authority orders the unblocking of targets: its own claims on them end, and nobody else's."""

from typing import Any

from tests.support.blocklist import Api
from tests.support.builders import later_json, order_json

UNBLOCK: dict[str, Any] = {"kind": "unblock", "reference": "unblock"}


async def decide(api: Api, directive: dict[str, Any], status: int = 200, **body: Any) -> dict[str, Any]:
    body = {"decision": "comply", "targets": "all", **body}
    return await api.post(f"/v1/directives/{directive['id']}/decisions", body, status)


async def show(api: Api, directive: dict[str, Any]) -> dict[str, Any]:
    return await api.get(f"/v1/directives/{directive['id']}")


async def withheld(api: Api, *targets: str) -> list[str]:
    found: list[str] = (await api.post("/v1/withholdings/check", {"jurisdiction": "IN", "targets": list(targets)}))["withheld"]
    return found


async def test_an_unblock_that_is_complied_with_at_intake_ends_the_claims_of_its_authority(api: Api) -> None:
    first = await api.submit(order_json("@a", "@b"))
    second = await api.submit(order_json("@b", "@c", reference="second"))

    unblock = await api.submit(order_json("@a", "@b", "@unknown", **UNBLOCK))

    assert (unblock["status"], unblock["kind"], unblock["withholdings_changed"]) == ("in_force", "unblock", 2)
    assert (unblock["items"]["complied"], unblock["due_at"], unblock["lapses_at"]) == (3, None, None)
    assert await withheld(api, "@a", "@b", "@c") == ["@c"]
    assert [(await show(api, each))["status"] for each in (first, second)] == ["rescinded", "in_force"]
    history = (await api.get("/v1/withholdings/account:b/history"))["items"]
    assert [(row["state"], row["cause"]) for row in history] == [("withheld", None), ("released", "rescinded")]
    assert history[-1]["directives"] == sorted([first["id"], second["id"]])
    items = (await api.get(f"/v1/directives/{unblock['id']}/items"))["items"]
    assert [(item["decision"], item["claims"], item["applied_jurisdictions"]) for item in items] == [("complied", {}, [])] * 3


async def test_an_unblock_lifts_item_by_item_as_it_is_decided(api: Api) -> None:
    block = await api.submit(order_json("@a", "@b"))
    unblock = await api.submit(later_json("@a", "@b", **UNBLOCK))

    refused = await decide(api, unblock, decision="refuse", ground="invalid_order", targets=["@b"])
    before = await withheld(api, "@a", "@b")
    lifted = await decide(api, unblock, targets=["@a"])

    assert (refused["withholdings_changed"], before) == (0, ["@a", "@b"])
    assert (lifted["withholdings_changed"], lifted["results"][0]["applied_jurisdictions"]) == (1, [])
    assert (await withheld(api, "@a", "@b"), (await show(api, block))["released_by_cause"]["rescinded"]) == (["@b"], 1)


async def test_what_was_unblocked_is_never_claimed_by_that_directive_again(api: Api) -> None:
    block = await api.submit(later_json("@a", "@b"))
    await decide(api, block)
    await api.submit(order_json("@a", **UNBLOCK))

    refused = await decide(api, block, 409, targets=["@a"])

    assert "'released'" in refused["detail"]


async def test_an_unblock_reaches_its_own_jurisdictions_alone(api: Api) -> None:
    block = await api.submit(order_json("@a", jurisdictions=["IN-PB", "IN-DL"]))

    await api.submit(order_json("@a", jurisdictions=["IN-PB"], **UNBLOCK))

    item = (await api.get(f"/v1/directives/{block['id']}/items"))["items"][0]
    assert (item["decision"], item["claims"]) == ("complied", {"IN-PB": "rescinded", "IN-DL": "live"})
    told = (await api.get(f"/v1/directives/{block['id']}/timeline"))["items"][2]
    assert (told["type"], told["data"]["released"]) == ("org.geowithhold.directive.rescinded.v1", 0)


async def test_an_unblock_leaves_what_another_authority_ordered(api: Api) -> None:
    foreign = order_json("@a", authority="de-bka", legal_basis="eu-tco", jurisdictions=["DE"])
    foreign |= {"issued_at": "2023-01-01T00:00:00Z", "received_at": "2023-01-01T00:00:00Z"}
    german = await api.submit(foreign)
    await decide(api, german)
    await api.submit(order_json("@a"))

    await api.submit(order_json("@a", **UNBLOCK))

    assert (await api.get("/v1/withholdings/account:a"))["withheld"]["country_codes"] == ["DE"]


async def test_a_suspended_claim_is_lifted_too(api: Api) -> None:
    block = await api.submit(order_json("@a"))
    await api.post(f"/v1/directives/{block['id']}/stay", {"targets": "all"})

    unblock = await api.submit(order_json("@a", **UNBLOCK))

    assert (unblock["withholdings_changed"], (await show(api, block))["status"]) == (0, "rescinded")


async def test_a_part_of_a_wider_claim_cannot_be_unblocked(api: Api) -> None:
    await api.submit(order_json("@a"))
    before = await api.rows()

    refused = await api.post("/v1/directives", order_json("@a", jurisdictions=["IN-PB"], **UNBLOCK), 422)

    assert (refused["errors"][0]["pointer"], "one key" in refused["detail"]) == ("/targets", True)
    assert await api.rows() == before


async def test_an_unblock_claims_nothing_that_could_be_stayed_released_or_confirmed(api: Api) -> None:
    unblock = await api.submit(order_json("@a", **UNBLOCK))
    path = f"/v1/directives/{unblock['id']}"

    stayed = await api.post(f"{path}/stay", {"targets": "all"}, 409)
    await api.post(f"{path}/confirm", None, 409)
    release = {"cause": "error", "directive": unblock["id"], "targets": "all", "jurisdictions": ["IN"]}

    assert "unblock" in stayed["detail"]
    await api.post("/v1/releases", release, 409)


async def test_an_unblock_neither_supersedes_nor_is_superseded(api: Api) -> None:
    block = await api.submit(order_json("@a"))
    unblock = await api.submit(later_json("@a", **UNBLOCK))

    for body in (
        order_json("@a", kind="unblock", reference="third", supersedes=block["id"]),
        order_json("@a", reference="third", supersedes=unblock["id"]),
    ):
        refused = await api.post("/v1/directives", body, 422)
        assert refused["errors"][0]["pointer"] == "/supersedes"


async def test_the_rescission_of_an_unblock_restores_nothing(api: Api) -> None:
    await api.submit(order_json("@a"))
    unblock = await api.submit(order_json("@a", **UNBLOCK))

    rescinded = await api.post(f"/v1/directives/{unblock['id']}/rescind", {"targets": "all"})

    assert (rescinded["released"], rescinded["withholdings_changed"], await withheld(api, "@a")) == (0, 0, [])
