"""A story of two laws and three orders on one account: only what each of them asks for is ever released."""

from collections.abc import Callable
from typing import Any

from tests.support.blocklist import Api
from tests.support.builders import order_json

REMOVAL: dict[str, Any] = {
    "authority": "eu-tco-authority",
    "reference": "TCO-7",
    "legal_basis": "eu-tco",
    "jurisdictions": ["DE", "FR"],
    "reason": "incitement",
    "issued_at": "2023-05-01T08:00:00Z",
    "received_at": "2023-05-01T08:00:00Z",
}
INDIAN: dict[str, Any] = {"issued_at": "2023-05-01T10:00:00Z", "received_at": "2023-05-01T10:00:00Z"}


async def post(api: Api, directive: dict[str, Any], act: str, status: int = 200, **body: Any) -> dict[str, Any]:
    return await api.post(f"/v1/directives/{directive['id']}/{act}", body, status)


async def held(api: Api, target: str) -> list[str]:
    found: list[str] = (await api.get(f"/v1/withholdings/{target}"))["withheld"]["country_codes"]
    return found


async def causes(api: Api, target: str, place: str) -> list[str | None]:
    found = await api.get(f"/v1/withholdings/{target}/history", jurisdiction=place)
    return [version["cause"] for version in found["items"]]


async def test_each_order_releases_only_what_it_alone_asked_for(api: Api, set_now: Callable[[str], None]) -> None:
    set_now("2023-05-01T12:00:00Z")

    removal = await api.submit(order_json("@speaker", "#oath", **REMOVAL))
    await post(api, removal, "replies", 201, kind="clarification_request", text="where is the hashtag?")
    assert (removal["status"], removal["missing_elements"]) == ("awaiting_clarification", ["exact_location"])
    assert await held(api, "account:speaker") == []

    emergency = await api.submit(order_json("@speaker", "@ally", reference="emergency", **INDIAN))
    fresh = await api.submit(order_json("@speaker", reference="fresh", **INDIAN))
    assert await held(api, "account:speaker") == ["IN"]

    clarification = {
        "kind": "clarification",
        "issued_at": "2023-05-01T11:00:00Z",
        "elements": {"exact_location": "the trend page"},
    }
    clarified = await post(api, removal, "notices", 201, **clarification)
    assert (clarified["status"], clarified["missing_elements"]) == ("in_force", [])
    await post(api, removal, "replies", 201, kind="impossibility", cause="force_majeure", text="a data centre burns")
    await post(api, removal, "decisions", decision="comply", targets=["@speaker"])
    await post(api, removal, "decisions", decision="not_located", targets=["#oath"])
    assert await held(api, "account:speaker") == ["DE", "FR", "IN"]

    quashed = await post(api, emergency, "quash", targets="all", court="High Court")
    assert (quashed["released"], quashed["still_withheld"], quashed["withholdings_changed"]) == (2, 1, 1)
    assert (await held(api, "account:ally"), await held(api, "account:speaker")) == ([], ["DE", "FR", "IN"])
    assert await causes(api, "account:ally", "IN") == [None, "quashed"]

    await post(api, fresh, "stay", targets="all", court="Supreme Court")
    assert await held(api, "account:speaker") == ["DE", "FR"]
    await post(api, fresh, "unstay", targets="all")
    assert await causes(api, "account:speaker", "IN") == [None, "stayed", None]

    rescinded = await post(api, removal, "rescind", targets="all")
    assert (rescinded["released"], rescinded["withholdings_changed"]) == (1, 2)
    assert await held(api, "account:speaker") == ["IN"]

    unblock = await api.submit(order_json("@speaker", reference="unblock", kind="unblock", **INDIAN))
    assert (unblock["withholdings_changed"], await held(api, "account:speaker")) == (1, [])
    assert [(await api.get(f"/v1/directives/{each['id']}"))["status"] for each in (removal, emergency, fresh, unblock)] == [
        "rescinded",
        "quashed",
        "rescinded",
        "in_force",
    ]
