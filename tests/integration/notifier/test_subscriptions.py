"""Subscriptions over HTTP."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from services.notifier.api.context import ChannelRules
from services.notifier.domain.delivery import Gone
from services.notifier.sender import Sender
from shared.events import FINDING_TYPES
from tests.integration.notifier.test_api import application, pointers
from tests.integration.notifier.test_deliveries import FakeCarrier, find, make_sender
from tests.integration.notifier.world import World

LOST = "org.geowithhold.history.incomplete.v1"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ"
URL = "https://ex.org/hook"


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(world) as made:
        yield made


def client(world: World, *, allow_private: bool = False, mail: bool = True) -> httpx2.AsyncClient:
    app = application(world)
    app.state.channel_rules = ChannelRules(allow_private=allow_private, mail=mail)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://notifier")


def body(**changes: Any) -> dict[str, Any]:
    return {"jurisdictions": ["IN"], "events": [LOST], "channel": {"webhook": {"url": URL}}} | changes


def webhook(url: str = URL, **secret: str) -> dict[str, Any]:
    return body(channel={"webhook": {"url": url, **secret}})


async def put(http: httpx2.AsyncClient, sent: dict[str, Any], *, id_: str = "desk") -> dict[str, Any]:
    answer = await http.put(f"/v1/subscriptions/{id_}", json=sent)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_who_subscribes_sees_the_secret_that_was_made_once(http: httpx2.AsyncClient) -> None:
    made = await put(http, body(jurisdictions=["EEA", "IN"]))
    shown = (await http.get("/v1/subscriptions/desk")).json()

    secret = made["channel"]["webhook"]["secret"]
    assert (secret[:6], len(base64.b64decode(secret[6:]))) == ("whsec_", 32)
    assert shown == made | {"channel": {"webhook": {"url": URL, "secret": None}, "email": None}}
    assert (made["id"], made["jurisdictions"], len(made["expanded"])) == ("desk", ["EEA", "IN"], 31)
    assert (made["events"], made["created_at"], made["changed_at"]) == ([LOST], "2021-01-31T06:00:00Z", "2021-01-31T06:00:00Z")


async def test_a_secret_that_was_sent_is_not_sent_back(http: httpx2.AsyncClient) -> None:
    assert (await put(http, webhook(secret=SECRET)))["channel"]["webhook"]["secret"] is None


async def test_a_change_keeps_the_secret_unless_it_brings_one(http: httpx2.AsyncClient, world: World) -> None:
    carrier = FakeCarrier()
    await put(http, webhook(secret=SECRET))
    world.clock.advance(60)

    changed = await put(http, webhook("https://ex.org/other"))
    await find(world)
    await make_sender(world, carrier).run_once()

    (channel,) = carrier.channels
    assert (changed["channel"]["webhook"]["secret"], channel.secret) == (None, SECRET)  # type: ignore[union-attr]
    assert (changed["created_at"], changed["changed_at"]) == ("2021-01-31T06:00:00Z", "2021-01-31T06:01:00Z")


async def test_who_changes_from_mail_to_a_webhook_gets_a_secret(http: httpx2.AsyncClient) -> None:
    by_mail = await put(http, body(channel={"email": {"to": "desk@ex.org"}}))
    by_webhook = await put(http, body())

    assert by_mail["channel"] == {"webhook": None, "email": {"to": "desk@ex.org"}}
    assert by_webhook["channel"]["webhook"]["secret"].startswith("whsec_")


@pytest.mark.parametrize("events", ["all", ["all"], [LOST, "all"]])
async def test_all_stands_for_every_type(http: httpx2.AsyncClient, events: Any) -> None:
    assert (await put(http, body(events=events)))["events"] == "all"


async def test_without_types_every_type_is_meant(http: httpx2.AsyncClient) -> None:
    sent = body()
    del sent["events"]

    assert (await put(http, sent))["events"] == "all"


async def test_there_is_every_type_of_finding_to_subscribe_to(http: httpx2.AsyncClient) -> None:
    assert (await put(http, body(events=list(FINDING_TYPES))))["events"] == sorted(FINDING_TYPES)


NOT_VALID = {
    "no jurisdiction": (body(jurisdictions=[]), "/jurisdictions"),
    "jurisdictions are missing": ({"channel": {"webhook": {"url": URL}}}, "/jurisdictions"),
    "no such jurisdiction": (body(jurisdictions=["IN", "Narnia"]), "/jurisdictions/1"),
    "no type": (body(events=[]), "/events"),
    "no such type": (body(events=[LOST, "org.geowithhold.song.sung.v1"]), "/events/1"),
    "a type of another topic": (body(events=["org.geowithhold.withholding.changed.v1"]), "/events/0"),
    "no channel": (body(channel={}), "/channel"),
    "two channels": (body(channel={"webhook": {"url": URL}, "email": {"to": "a@ex.org"}}), "/channel"),
    "no URL": (webhook("hook"), "/channel/webhook/url"),
    "not https": (webhook("http://ex.org/"), "/channel/webhook/url"),
    "another scheme": (webhook("ftp://ex.org/"), "/channel/webhook/url"),
    "a password": (webhook("https://a:b@ex.org/"), "/channel/webhook/url"),
    "this machine": (webhook("https://127.0.0.1/"), "/channel/webhook/url"),
    "this machine, otherwise": (webhook("https://0x7f.1/"), "/channel/webhook/url"),
    "this machine, in IPv6": (webhook("https://[::ffff:127.0.0.1]/"), "/channel/webhook/url"),
    "metadata of a cloud": (webhook("https://169.254.169.254/latest"), "/channel/webhook/url"),
    "a secret without its prefix": (webhook(secret=SECRET[6:]), "/channel/webhook/secret"),
    "a short secret": (webhook(secret="whsec_c2hvcnQ="), "/channel/webhook/secret"),
    "no base64": (webhook(secret="whsec_" + "!" * 40), "/channel/webhook/secret"),
    "no address": (body(channel={"email": {"to": "desk"}}), "/channel/email/to"),
    "two addresses": (body(channel={"email": {"to": "a@ex.org, b@ex.org"}}), "/channel/email/to"),
    "a header": (body(channel={"email": {"to": "a@ex.org\nBcc: b@ex.org"}}), "/channel/email/to"),
    "an unknown field": (body(reason="…"), "/reason"),
}


@pytest.mark.parametrize(("sent", "pointer"), NOT_VALID.values(), ids=NOT_VALID)
async def test_what_is_not_valid_is_named_and_not_stored(sqlite_world: World, sent: dict[str, Any], pointer: str) -> None:
    async with client(sqlite_world) as http:
        answer = await http.put("/v1/subscriptions/desk", json=sent)

        assert (answer.status_code, pointers(answer)) == (422, [pointer])
        assert (await http.get("/v1/subscriptions/desk")).status_code == 404


async def test_a_url_is_kept_as_the_standard_writes_it(http: httpx2.AsyncClient) -> None:
    made = await put(http, webhook("https://EX.org:443/a/../hook#part"))

    assert made["channel"]["webhook"]["url"] == "https://ex.org/hook"


async def test_where_private_addresses_are_allowed_http_to_them_is(sqlite_world: World) -> None:
    async with client(sqlite_world, allow_private=True) as http:
        made = await put(http, webhook("http://127.0.0.1:8080/hook"))
        answer = await http.put("/v1/subscriptions/other", json=webhook("ftp://127.0.0.1/"))

    assert (made["channel"]["webhook"]["url"], answer.status_code) == ("http://127.0.0.1:8080/hook", 422)


async def test_without_a_mail_server_nobody_subscribes_by_mail(sqlite_world: World) -> None:
    async with client(sqlite_world, mail=False) as http:
        answer = await http.put("/v1/subscriptions/desk", json=body(channel={"email": {"to": "desk@ex.org"}}))

    assert (answer.status_code, pointers(answer)) == (422, ["/channel/email"])
    assert "no mail server is configured" in answer.json()["detail"]


async def test_subscriptions_are_listed_page_by_page(http: httpx2.AsyncClient) -> None:
    for id_ in ("c", "a", "b"):
        await put(http, body(), id_=id_)

    first = (await http.get("/v1/subscriptions", params={"limit": 2})).json()
    rest = (await http.get("/v1/subscriptions", params={"cursor": first["next"]})).json()

    assert [each["id"] for each in first["items"] + rest["items"]] == ["a", "b", "c"]
    assert (rest["next"], first["items"][0]["channel"]["webhook"]["secret"]) == (None, None)


async def test_who_unsubscribes_is_gone(http: httpx2.AsyncClient) -> None:
    await put(http, body())

    gone, again = await http.delete("/v1/subscriptions/desk"), await http.delete("/v1/subscriptions/desk")

    assert (gone.status_code, gone.content, again.status_code) == (204, b"", 404)
    assert (await http.get("/v1/subscriptions/desk")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), ("POST", "/deliveries/dlv_1/redeliver")],
)
async def test_what_is_not_there_is_not_found(http: httpx2.AsyncClient, method: str, path: str) -> None:
    answer = await http.request(method, f"/v1/subscriptions/desk{path}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def deliveries(http: httpx2.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await http.get("/v1/subscriptions/desk/deliveries", params=query)).json()["items"]
    return found


async def all_dead(http: httpx2.AsyncClient, world: World, count: int) -> Sender:
    """Everything that was found could not be delivered. Gives a sender that can."""
    await put(http, body())
    await find(world, count)
    await make_sender(world, FakeCarrier(script=[Gone("answered 410")] * count)).run_once()
    return make_sender(world, FakeCarrier())


async def test_deliveries_are_listed_the_newest_first_and_say_what_became_of_them(http: httpx2.AsyncClient, world: World) -> None:
    await all_dead(http, world, 1)
    world.clock.advance(60)
    await find(world, first=7)

    newest, oldest = await deliveries(http)

    assert oldest | {"id": "", "event": ""} == {
        "id": "",
        "message": oldest["id"],
        "event": "",
        "type": LOST,
        "state": "dead",
        "attempts": 1,
        "created_at": "2021-01-31T06:00:00Z",
        "next_at": None,
        "sent_at": None,
        "error": "answered 410",
    }
    assert (newest["state"], newest["next_at"], newest["message"]) == ("waiting", "2021-01-31T06:01:00Z", None)
    assert [each["id"] for each in await deliveries(http, state="dead")] == [oldest["id"]]
    assert await deliveries(http, state="sent") == []


async def test_deliveries_have_pages(http: httpx2.AsyncClient, world: World) -> None:
    await put(http, body())
    await find(world, 3)

    first = (await http.get("/v1/subscriptions/desk/deliveries", params={"limit": 2})).json()
    rest = await deliveries(http, cursor=first["next"])

    assert [each["id"] for each in first["items"] + rest] == [each["id"] for each in await deliveries(http)]


async def test_a_dead_delivery_is_delivered_again(http: httpx2.AsyncClient, world: World) -> None:
    sender = await all_dead(http, world, 1)
    (dead,) = await deliveries(http)

    answer = await http.post(f"/v1/subscriptions/desk/deliveries/{dead['id']}/redeliver")
    await sender.run_once()
    again = await http.post(f"/v1/subscriptions/desk/deliveries/{dead['id']}/redeliver")

    assert (answer.status_code, answer.json()["state"], answer.json()["attempts"]) == (200, "waiting", 0)
    assert [each["state"] for each in await deliveries(http)] == ["sent"]
    assert (again.status_code, again.json()["type"]) == (409, "urn:geowithhold:problem:conflict")


async def test_a_delivery_of_another_subscription_is_not_found(http: httpx2.AsyncClient, world: World) -> None:
    await all_dead(http, world, 1)
    await put(http, body(), id_="other")
    (dead,) = await deliveries(http)

    answer = await http.post(f"/v1/subscriptions/other/deliveries/{dead['id']}/redeliver")

    assert answer.status_code == 404
