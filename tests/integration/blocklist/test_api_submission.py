from collections.abc import Callable

from tests.support.blocklist import Api
from tests.support.builders import later_json, order_json, tco_json
from tests.support.eventually import eventually

NO_ITEMS = dict.fromkeys(("total", "undecided", "complied", "refused", "not_located", "released", "withdrawn"), 0)


def counted(**slots: int) -> dict[str, int]:
    return {**NO_ITEMS, "total": sum(slots.values()), **slots}


async def test_an_emergency_order_is_complied_with_at_intake_while_the_broker_is_down(api: Api) -> None:
    targets = ["@bol_wheat_0001", "＃Farmers", "https://x.com/a/status/13556?s=20", {"type": "url", "id": "https://ex.org/p"}]

    created = await api.submit(order_json(*targets, reason="public order"))

    assert created["items"] == counted(complied=4)
    assert (created["status"], created["duplicates"], created["withholdings_changed"]) == ("in_force", 0, 4)
    assert created["targets"] == ["account:bol_wheat_0001", "hashtag:farmers", "post:13556", "url:https://ex.org/p"]


async def test_the_answer_to_an_order_has_everything_that_was_sent(api: Api) -> None:
    document = {"sha256": "a" * 64, "uri": "https://orders.example/1"}

    created = await api.submit(
        order_json(
            reason="public order", due_at="2021-02-01T00:00:00+05:30", expires_at="2999-01-01T00:00:00Z", document=document
        )
    )

    assert created == {
        "id": created["id"],
        "status": "in_force",
        "authority": "in-meity",
        "reference": "14(1)/2021-ES",
        "legal_basis": "in-it-act-69a-emergency",
        "kind": "block",
        "issued_at": "2021-01-31T06:00:00Z",
        "received_at": "2021-01-31T07:10:00Z",
        "requested_jurisdictions": ["IN"],
        "jurisdictions": ["IN"],
        "targets": ["account:acct_1"],
        "reason": "public order",
        "due_at": "2021-01-31T18:30:00Z",
        "expires_at": "2999-01-01T00:00:00Z",
        "confirmed_at": None,
        "lapses_at": created["lapses_at"],
        "supplements": None,
        "supersedes": None,
        "channel": "official",
        "sealed": False,
        "document": document,
        "elements": {},
        "missing_elements": [],
        "unexamined_elements": [],
        "label": "legal_demand",
        "items": counted(complied=1),
        "released_by_cause": created["released_by_cause"],
        "duplicates": 0,
        "revision": 2,
        "withholdings_changed": 1,
        "batch": created["batch"],
    }
    assert set(created["released_by_cause"].values()) == {0}


async def test_the_location_of_a_new_directive_leads_to_it(api: Api) -> None:
    response = await api.client.post("/v1/directives", json=order_json())

    shown = await api.get(response.headers["location"])

    created = response.json()
    assert response.headers["location"] == f"/v1/directives/{created['id']}"
    assert shown == {
        **{name: value for name, value in created.items() if name not in ("targets", "withholdings_changed", "batch")},
        "notices": [],
        "replies": [],
    }


async def test_an_order_under_the_ordinary_basis_waits_for_decisions(api: Api) -> None:
    created = await api.submit(later_json("@a", "@b"))

    assert created["items"] == counted(undecided=2)
    assert created["withholdings_changed"] == 0
    assert (await api.get("/v1/withholdings"))["items"] == []


async def test_lines_that_name_the_same_target_are_one_item_with_all_that_was_received(api: Api) -> None:
    created = await api.submit(order_json("@Acct_1", "https://x.com/acct_1", " account:ACCT_1 ", "@b"))

    items = (await api.get(f"/v1/directives/{created['id']}/items"))["items"]

    assert (created["items"]["total"], created["duplicates"]) == (2, 2)
    assert items[0]["received"] == ["@Acct_1", "https://x.com/acct_1", " account:ACCT_1 "]


async def test_an_order_for_a_group_reaches_each_of_its_members(api: Api) -> None:
    created = await api.submit(tco_json(jurisdictions=["EU"], reference="tco 1"))
    decided = await api.post(f"/v1/directives/{created['id']}/decisions", {"decision": "comply", "targets": "all"})

    shown = await api.get("/v1/withholdings/account:acct_1")

    assert created["requested_jurisdictions"] == ["EU"]
    assert len(created["jurisdictions"]) == 27
    assert decided["withholdings_changed"] == 27
    assert shown["withheld"]["country_codes"] == sorted(created["jurisdictions"])


async def test_a_clock_that_the_law_sets_gives_the_due_time(api: Api) -> None:
    created = await api.submit(tco_json(authority="de-bka", received_at="2022-07-02T08:00:00Z"))

    assert created["due_at"] == "2022-07-02T09:00:00Z"


async def test_an_order_is_judged_by_the_law_of_its_day_and_refused_where_there_was_none(api: Api) -> None:
    before = await api.rows()

    refused = await api.post("/v1/directives", tco_json(issued_at="2022-06-06T23:59:59Z"), 422)

    assert refused["errors"] == [
        {
            "pointer": "/legal_basis",
            "detail": "eu-tco was not in force on 2022-06-06, when the order was issued: it is in force from 2022-06-07",
        }
    ]
    assert await api.rows() == before
    assert (await api.submit(tco_json(issued_at="2022-06-07T00:00:00Z")))["legal_basis"] == "eu-tco"


async def test_an_order_without_a_time_of_receipt_is_received_now(api: Api, set_now: Callable[[str], None]) -> None:
    set_now("2021-01-31T09:00:00Z")

    created = await api.submit(order_json(received_at=None))

    assert created["received_at"].startswith("2021-01-31T09:00:0")


async def test_a_supplement_names_an_earlier_directive_of_the_same_authority(api: Api) -> None:
    first = await api.submit(order_json())

    second = await api.submit(later_json(supplements=first["id"]))
    unknown = await api.post("/v1/directives", later_json(reference="third", supplements="dir_0"), 422)
    foreign = tco_json(authority="de-bka", supplements=first["id"])

    assert second["supplements"] == first["id"]
    assert unknown["errors"][0]["pointer"] == "/supplements"
    assert (await api.post("/v1/directives", foreign, 422))["errors"][0]["pointer"] == "/supplements"


async def test_a_reference_is_used_once_by_each_authority(api: Api) -> None:
    first = await api.submit(order_json("@a"))
    before = await api.rows()

    again = await api.post("/v1/directives", order_json("@b"), 409)

    assert again["directive"] == first["id"]
    assert again["errors"] == [{"pointer": "/reference", "detail": f"this is directive {first['id']}"}]
    assert await api.rows() == before


async def test_two_authorities_may_use_the_same_reference(api: Api) -> None:
    await api.submit(order_json(reference="1"))

    other = tco_json(authority="de-bka", reference="1")

    assert (await api.submit(other))["reference"] == "1"


async def test_ten_thousand_targets_are_one_order(api: Api) -> None:
    created = await api.submit(order_json(*(f"@acct_{number:05}" for number in range(10_000))))

    assert (created["items"], created["withholdings_changed"]) == (counted(complied=10_000), 10_000)


async def test_an_order_ends_when_its_own_time_runs_out(api: Api, set_now: Callable[[str], None]) -> None:
    set_now("2021-02-01T00:00:00Z")
    created = await api.submit(order_json("@a", expires_at="2021-02-02T00:00:00Z"))
    assert created["status"] == "in_force"

    set_now("2021-02-02T00:00:01Z")

    async def expired() -> bool:
        return bool((await api.get(f"/v1/directives/{created['id']}"))["status"] == "expired")

    await eventually(expired)
    shown = await api.get(f"/v1/directives/{created['id']}")
    assert (shown["items"], shown["released_by_cause"]["expired"]) == (counted(released=1), 1)
    assert (await api.get("/v1/withholdings/account:a"))["withheld"]["country_codes"] == []
