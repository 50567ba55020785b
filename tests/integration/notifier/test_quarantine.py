"""What operators can do about records that were set aside, over HTTP, and what is shown meanwhile."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import insert, select

from services.notifier.consumer.operator import Operator
from services.notifier.domain.quarantine import Outcome, Verb
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.handlers.quarantine import Act, finish, shown
from services.notifier.handlers.unit import Unit
from services.notifier.tables import directives, enforcements, quarantine, withholding_history
from shared.events import Record, WithholdingChanged
from shared.http.problems import Refusal
from tests.integration.notifier.fakes import DIRECTIVES, ENFORCEMENTS, TOPICS, WITHHOLDINGS, FakeBlocklist, FakeKafka
from tests.integration.notifier.test_api import application, pointers
from tests.integration.notifier.test_holds import GARBAGE, KEY, STORY, ask, broken, consume, heal, held
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import AT, DIRECTIVE, after, counts, item, items, received, report, withholding

BY = {"by": "asha", "memo": "ticket 7"}
SKIP = {"approvers": ["asha", "bo"], "memo": "a test of the producer"}


@pytest.fixture
def blocklist() -> FakeBlocklist:
    return FakeBlocklist()


@pytest.fixture
async def http(world: World, blocklist: FakeBlocklist) -> AsyncIterator[httpx2.AsyncClient]:
    async with client(world, blocklist) as made:
        yield made


def client(world: World, blocklist: FakeBlocklist, *, key: str | None = None) -> httpx2.AsyncClient:
    app = application(world, key=key)
    app.state.operator = Operator(commands=world.commands, source=blocklist, topics=TOPICS)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://notifier")


async def understood_by_now(world: World, event: WithholdingChanged) -> None:
    """As after an upgrade: the bytes that were set aside are ones that the code can read."""
    value = broken(event).value
    headers = [[name, base64.b64encode(raw).decode()] for name, raw in broken(event).headers]
    await world.database.write(lambda connection: connection.execute(quarantine.update().values(value=value, headers=headers)))


async def test_a_record_that_is_understood_by_now_takes_effect(world: World, kafka: FakeKafka, http: httpx2.AsyncClient) -> None:
    await world.register()
    kafka.write(WITHHOLDINGS, withholding(), GARBAGE)
    await consume(world, kafka)
    await understood_by_now(world, withholding(version=2))

    answer = await http.post("/v1/quarantine/1/retry", json=BY)

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["state"], shown["about"], shown["held"], shown["freed_by"]) == ("retried", KEY, False, "operator")
    assert shown["actions"] == [
        {
            "at": "2021-01-31T06:00:00Z",
            "verb": "retry",
            "by": ["asha"],
            "memo": "ticket 7",
            "outcome": "took_effect",
            "detail": None,
        }
    ]
    assert await world.present() == {KEY: (2, "released")}
    assert await world.answers() == [("search", "account:a", 2, "pending")]
    assert shown == (await http.get("/v1/quarantine/1")).json()


async def test_a_record_that_is_still_not_understood_stays_open_and_its_tries_are_kept(
    world: World, kafka: FakeKafka, http: httpx2.AsyncClient
) -> None:
    kafka.write(WITHHOLDINGS, GARBAGE)
    await consume(world, kafka)

    await http.post("/v1/quarantine/1/retry", json={"by": "bo"})
    shown = (await http.post("/v1/quarantine/1/retry", json=BY)).json()

    assert (shown["state"], shown["held"], shown["closed_at"]) == ("open", True, None)
    assert [(each["by"], each["outcome"]) for each in shown["actions"]] == [
        (["bo"], "not_understood"),
        (["asha"], "not_understood"),
    ]
    assert "CloudEvents" in shown["actions"][0]["detail"]


async def test_what_contradicts_still_contradicts(world: World, kafka: FakeKafka, http: httpx2.AsyncClient) -> None:
    kafka.write(WITHHOLDINGS, withholding(), withholding(label="local_law"))
    await consume(world, kafka)

    shown = (await http.post("/v1/quarantine/1/retry", json=BY)).json()

    assert (shown["state"], shown["actions"][0]["outcome"]) == ("open", "contradicted")


async def test_a_report_can_be_tried_again_and_the_blocklist_is_not_asked_about_it(
    world: World, kafka: FakeKafka, http: httpx2.AsyncClient
) -> None:
    await world.register()
    kafka.write(WITHHOLDINGS, withholding())
    kafka.write(ENFORCEMENTS, broken(report(), value=b"garbage"))
    await consume(world, kafka)

    refused = await http.post("/v1/quarantine/1/replace", json=BY)
    assert refused.status_code == 422
    await world.database.write(lambda connection: connection.execute(quarantine.update().values(value=broken(report()).value)))
    assert (await http.post("/v1/quarantine/1/retry", json=BY)).json()["state"] == "retried"

    assert await world.answers() == [("search", "account:a", 1, "applied")]


async def test_a_record_of_an_older_release_has_no_headers_to_be_read_by(world: World, http: httpx2.AsyncClient) -> None:
    old = {"topic": TOPICS.withholdings, "partition": 0, "offset": 5, "reason": "no", "key": b"k", "value": b"v", "at": AT}
    await world.database.write(lambda connection: connection.execute(insert(quarantine).values(old)))

    shown = (await http.post("/v1/quarantine/1/retry", json=BY)).json()

    assert (shown["headers"], shown["state"], shown["actions"][0]["outcome"]) == (None, "open", "not_understood")


async def test_a_tombstone_that_was_set_aside_is_nothing_to_be_retried_for(world: World, http: httpx2.AsyncClient) -> None:
    row = {"topic": TOPICS.withholdings, "partition": 0, "offset": 5, "reason": "no", "key": b"k", "at": AT, "headers": []}
    await world.database.write(lambda connection: connection.execute(insert(quarantine).values(row)))

    assert (await http.post("/v1/quarantine/1/retry", json=BY)).json()["state"] == "retried"


async def test_the_truth_about_a_key_is_taken_from_the_blocklist(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist, http: httpx2.AsyncClient
) -> None:
    kafka.write(WITHHOLDINGS, withholding(), GARBAGE)
    await consume(world, kafka)
    blocklist.published = [withholding(), withholding(version=2)]

    shown = (await http.post("/v1/quarantine/1/replace", json=BY)).json()

    assert (shown["state"], shown["held"]) == ("replaced", False)
    assert (shown["actions"][0]["outcome"], shown["actions"][0]["detail"]) == (
        "filled",
        f"it was version 1, withheld, of {DIRECTIVE}",
    )
    assert await world.present() == {KEY: (2, "released")}
    assert await world.past() == [1]
    assert await world.holes() == {}


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("stored", "told"),
    [
        pytest.param([1, 2, 3], [1, 2], id="a version too many"),
        pytest.param([1, 2], [1, 2, 3], id="a version too few"),
        pytest.param([1], [], id="a key that is none"),
    ],
)
async def test_replacing_makes_of_a_key_what_the_blocklist_has_of_it(
    world: World, blocklist: FakeBlocklist, http: httpx2.AsyncClient, stored: list[int], told: list[int]
) -> None:
    await world.register()
    await world.withhold(*(withholding(version=number) for number in stored))
    await ask(world)
    world.clock.advance(61)
    blocklist.published = [withholding(version=number, label="local_law" if number == 1 else "legal_demand") for number in told]
    await heal(world, blocklist)
    assert set(await held(world)) == {("IN", "account:a", None)}

    shown = (await http.post("/v1/quarantine/1/replace", json=BY)).json()

    assert shown["state"] == "replaced"
    assert await held(world) == []
    assert list(await world.present()) == [KEY] * bool(told)
    assert await world.past() == told[:-1]
    c = enforcements.c
    asked = await world.rows(select(c.version, c.state).where(c.current))
    assert asked == [(told[-1], "pending") for _ in told[:1]]


async def test_replacing_by_the_same_asks_nobody_again(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist, http: httpx2.AsyncClient
) -> None:
    await world.register()
    kafka.write(WITHHOLDINGS, withholding(), withholding(label="local_law"))
    kafka.write(ENFORCEMENTS, report())
    await consume(world, kafka)
    blocklist.published = [withholding()]

    shown = (await http.post("/v1/quarantine/1/replace", json=BY)).json()

    assert shown["actions"][0]["detail"] is None
    assert await world.answers() == [("search", "account:a", 1, "applied")]
    assert await world.count(withholding_history) == 0


async def test_a_directive_is_taken_from_the_blocklist_with_all_its_events(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist, http: httpx2.AsyncClient
) -> None:
    kafka.write(DIRECTIVES, Record(DIRECTIVE.encode(), b"garbage", ()))
    await consume(world, kafka)
    blocklist.told = [CaseRecord(event, AT) for event in STORY]

    shown = (await http.post("/v1/quarantine/1/replace", json=BY)).json()

    assert (shown["about"], shown["state"], shown["held"]) == (DIRECTIVE, "replaced", False)
    assert await world.rows(select(directives.c.revision)) == [(3,)]


async def test_while_the_blocklist_is_away_nothing_is_replaced_and_the_try_is_kept(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist, http: httpx2.AsyncClient
) -> None:
    kafka.write(WITHHOLDINGS, GARBAGE)
    await consume(world, kafka)
    blocklist.away = True

    answer = await http.post("/v1/quarantine/1/replace", json=BY)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    shown = (await http.get("/v1/quarantine/1")).json()
    assert (shown["state"], shown["held"], shown["actions"][0]["outcome"]) == ("open", True, "source_away")


async def test_two_people_do_without_a_record(world: World, kafka: FakeKafka, http: httpx2.AsyncClient) -> None:
    kafka.write(WITHHOLDINGS, withholding(), GARBAGE)
    await consume(world, kafka)

    shown = (await http.post("/v1/quarantine/1/skip", json=SKIP)).json()

    assert (shown["state"], shown["held"], shown["closed_at"]) == ("skipped", False, "2021-01-31T06:00:00Z")
    assert [(each["by"], each["memo"]) for each in shown["actions"]] == [(["asha", "bo"], "a test of the producer")]
    assert await world.present() == {KEY: (1, "withheld")}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (SKIP | {"approvers": ["asha"]}, "/approvers"),
        (SKIP | {"approvers": ["asha", "ASHA"]}, "/approvers"),
        ({"approvers": ["asha", "bo"]}, "/memo"),
        (SKIP | {"memo": " "}, "/memo"),
        (SKIP | {"by": "asha"}, "/by"),
    ],
)
async def test_a_skip_needs_two_people_and_a_reason(
    world: World, kafka: FakeKafka, http: httpx2.AsyncClient, body: dict[str, Any], pointer: str
) -> None:
    kafka.write(WITHHOLDINGS, GARBAGE)
    await consume(world, kafka)

    answer = await http.post("/v1/quarantine/1/skip", json=body)

    assert answer.status_code == 422
    assert pointers(answer) == [pointer]
    assert (await http.get("/v1/quarantine/1")).json()["actions"] == []


@pytest.mark.parametrize("verb", ["retry", "replace", "skip"])
async def test_a_closed_record_refuses_every_verb_and_says_how_it_was_closed(
    world: World, kafka: FakeKafka, http: httpx2.AsyncClient, verb: str
) -> None:
    kafka.write(WITHHOLDINGS, GARBAGE)
    await consume(world, kafka)
    await http.post("/v1/quarantine/1/skip", json=SKIP)

    answer = await http.post(f"/v1/quarantine/1/{verb}", json=SKIP if verb == "skip" else BY)

    assert (answer.status_code, answer.json()["state"]) == (409, "skipped")
    assert "it was skipped" in answer.json()["detail"]
    assert len((await http.get("/v1/quarantine/1")).json()["actions"]) == 1


async def test_what_is_closed_is_not_concluded_a_second_time(world: World, kafka: FakeKafka, http: httpx2.AsyncClient) -> None:
    """Whoever had looked at the record before somebody else closed it."""
    kafka.write(WITHHOLDINGS, GARBAGE)
    await consume(world, kafka)
    await http.post("/v1/quarantine/1/skip", json=SKIP)
    act = Act(verb=Verb.SKIP, actors=("asha", "bo"))

    async def late(unit: Unit) -> None:
        await finish(unit, (await shown(unit, 1)).record, act, Outcome.DISMISSED)

    with pytest.raises(Refusal, match="it was skipped"):
        await world.commands.run(late)


@pytest.mark.parametrize("path", ["", "/retry", "/replace", "/skip"])
async def test_a_record_that_was_never_set_aside_is_not_there(http: httpx2.AsyncClient, path: str) -> None:
    url = f"/v1/quarantine/1{path}"

    answer = await (http.post(url, json=SKIP if path == "/skip" else BY) if path else http.get(url))

    assert answer.status_code == 404


async def test_the_list_shows_what_is_open_what_is_closed_or_all(
    world: World, kafka: FakeKafka, http: httpx2.AsyncClient
) -> None:
    kafka.write(WITHHOLDINGS, GARBAGE, Record(b"?", b"garbage", ()))
    await consume(world, kafka)
    await http.post("/v1/quarantine/1/skip", json=SKIP)

    async def ids(**query: str) -> list[int]:
        return [each["id"] for each in (await http.get("/v1/quarantine", params=query)).json()["items"]]

    assert await ids() == [1, 2]
    assert await ids(state="open") == [2]
    assert await ids(state="closed") == [1]
    assert await ids(state="all") == [1, 2]
    assert (await http.get("/v1/quarantine", params={"state": "lost"})).status_code == 422


async def test_with_a_key_nobody_acts_without_it(world: World, kafka: FakeKafka, blocklist: FakeBlocklist) -> None:
    kafka.write(WITHHOLDINGS, GARBAGE)
    await consume(world, kafka)

    async with client(world, blocklist, key="secret") as http:
        refused = await http.post("/v1/quarantine/1/skip", json=SKIP)
        done = await http.post("/v1/quarantine/1/skip", json=SKIP, headers={"Authorization": "Bearer secret"})

    assert (refused.status_code, done.status_code) == (401, 200)


async def test_what_is_held_shows_as_unknown_wherever_its_state_is_shown(
    world: World, kafka: FakeKafka, http: httpx2.AsyncClient
) -> None:
    await world.register()
    both = items(2, item(), item("account:b"), tally=counts(complied=2))
    kafka.write(DIRECTIVES, received(), both)
    kafka.write(WITHHOLDINGS, withholding(), withholding("account:b"), withholding(version=2))
    await consume(world, kafka)
    kafka.write(WITHHOLDINGS, GARBAGE, Record(b"DE/account:z", b"garbage", ()))
    await consume(world, kafka)

    place = (await http.get("/v1/jurisdictions/IN")).json()
    listed = (await http.get("/v1/jurisdictions")).json()["items"]
    rows = (await http.get("/v1/enforcements")).json()["items"]
    case = (await http.get(f"/v1/directives/{DIRECTIVE}/compliance")).json()

    assert (place["withheld"], place["released"], place["unknown"]) == (1, 0, 1)
    assert [(each["jurisdiction"], each["unknown"]) for each in listed] == [("DE", 1), ("IN", 1)]
    assert [(each["target"], each["unknown"]) for each in rows] == [("account:a", True), ("account:b", False)]
    assert (case["held"], case["unknown"]) == (1, False)


async def test_a_directive_that_is_held_shows_so(world: World, kafka: FakeKafka, http: httpx2.AsyncClient) -> None:
    kafka.write(DIRECTIVES, received(), Record(DIRECTIVE.encode(), b"garbage", ()))
    await consume(world, kafka)

    case = (await http.get(f"/v1/directives/{DIRECTIVE}/compliance")).json()

    assert (case["held"], case["unknown"]) == (0, True)


async def test_the_past_shows_what_was_unknown_then(world: World, kafka: FakeKafka, http: httpx2.AsyncClient) -> None:
    kafka.write(DIRECTIVES, received(), items(2, item()))
    kafka.write(WITHHOLDINGS, withholding())
    await consume(world, kafka)
    world.clock.advance(10)
    kafka.write(WITHHOLDINGS, GARBAGE)
    await consume(world, kafka)
    world.clock.advance(10)
    kafka.write(WITHHOLDINGS, withholding(version=2, effective_at=after(20)))
    await consume(world, kafka)

    async def at(seconds: int) -> tuple[int, int, int]:
        as_of = f"2021-01-31T06:00:{seconds:02d}Z"
        place = (await http.get("/v1/jurisdictions/IN", params={"as_of": as_of})).json()
        case = (await http.get(f"/v1/directives/{DIRECTIVE}/compliance", params={"as_of": as_of})).json()
        return place["withheld"], place["unknown"], case["held"]

    assert [await at(5), await at(15)] == [(1, 0, 0), (0, 1, 1)]
    assert (await http.get("/v1/jurisdictions/IN")).json()["unknown"] == 0
