"""What was published, as those get it who missed it on the topics."""

from typing import Any

import httpx2
import msgspec
import pytest
from sqlalchemy import delete, insert, update

from services.blocklist.tables import outbox, relay_lanes, system
from services.notifier.history import BlocklistHistory, EventsPurged
from shared.events import Record
from shared.outbox import log
from shared.outbox.table import Lane
from tests.support.blocklist import TOPICS, Api, running_api
from tests.support.builders import order_json
from tests.support.fakes import FakePublisher
from tests.support.relay import publish_all

KEY = "secret"
NAMES = [f"@a{number}" for number in range(40)]


async def published(api: Api, *orders: str, targets: int = 40) -> FakePublisher:
    for reference in orders or ("one",):
        await api.submit(order_json(*NAMES[:targets], reference=reference))
        await api.post("/v1/releases", {"cause": "error", "targets": "all", "jurisdictions": ["IN"]} | await of(api, reference))
    publisher = FakePublisher()
    await publish_all(api.database, publisher)
    return publisher


async def of(api: Api, reference: str) -> dict[str, Any]:
    listed = await api.get("/v1/directives")
    return {"directive": next(item["id"] for item in listed["items"] if item["reference"] == reference)}


def item(record: Record, sequence: int) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "key": record.key.decode(),
        "headers": {name: value.decode() for name, value in record.headers},
        "value": msgspec.json.decode(record.value or b"null"),
    }


async def events(api: Api, lane: Lane, after: int = 0, limit: int = 1000) -> dict[str, Any]:
    name = lane.topic.split(".")[1]
    return await api.get("/v1/events", topic=name, partition=lane.partition, after=after, limit=limit)


async def execute(api: Api, statement: Any) -> None:
    await api.database.write(lambda connection: connection.execute(statement))


async def test_every_event_is_there_as_it_was_sent(api: Api) -> None:
    publisher = await published(api)

    assert len(publisher.topics) >= 7
    for lane, records in publisher.topics.items():
        assert await events(api, lane) == {"items": [item(record, n) for n, record in enumerate(records, 1)], "next": None}


async def test_a_value_is_there_byte_for_byte(api: Api) -> None:
    publisher = await published(api)
    (lane, records), *_ = publisher.topics.items()

    answer = await api.client.get("/v1/events", params={"topic": lane.topic.split(".")[1], "partition": lane.partition})

    assert answer.headers["content-type"] == "application/json"
    assert all((record.value or b"") in answer.content for record in records)


async def test_pages_begin_and_end_anywhere_and_lose_nothing(api: Api) -> None:
    publisher = await published(api, "one", "two")
    lane, records = max(publisher.topics.items(), key=lambda pair: len(pair[1]))
    found, after = [], 0

    while True:
        page = await events(api, lane, after, limit=7)
        assert 0 < len(page["items"]) <= 7
        found += page["items"]
        if page["next"] is None:
            break
        after = page["next"]

    assert [each["sequence"] for each in found] == list(range(1, len(records) + 1))
    assert [each["headers"]["ce_id"] for each in found] == [dict(r.headers)["ce_id"].decode() for r in records]


async def test_an_answer_holds_no_more_bytes_than_a_reader_can_take_and_at_least_one_event(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "BYTES_AT_ONCE", 1)
    publisher = await published(api)
    lane, records = next((lane, found) for lane, found in publisher.topics.items() if lane.topic == TOPICS.directives)

    first = await events(api, lane)

    assert [each["sequence"] for each in first["items"]] == [1]
    assert first["next"] == 1
    assert len(records) > 1


async def test_what_has_no_number_yet_is_not_there(api: Api) -> None:
    await api.submit(order_json("@a"))

    answers = [await events(api, Lane(TOPICS.withholdings, partition)) for partition in range(6)]

    assert answers == [{"items": [], "next": None}] * 6


async def test_behind_the_last_there_is_nothing(api: Api) -> None:
    publisher = await published(api)
    lane, records = next(iter(publisher.topics.items()))

    assert await events(api, lane, len(records)) == {"items": [], "next": None}
    assert await events(api, lane, len(records) + 1000) == {"items": [], "next": None}


async def test_the_epoch_is_that_of_the_database(api: Api) -> None:
    publisher = await published(api)
    lane = next(iter(publisher.topics))
    await execute(api, insert(system).values(id=1, epoch=4))

    assert {each["headers"]["ce_epoch"] for each in (await events(api, lane))["items"]} == {"4"}


async def gone(api: Api, lane: Lane, after: int) -> int:
    query = {"topic": lane.topic.split(".")[1], "partition": lane.partition, "after": after}
    answer = await api.get("/v1/events", 410, **query)
    assert answer["type"] == "urn:geowithhold:problem:gone"
    assert answer["detail"] == f"events before number {answer['first']} are not kept any more"
    return int(answer["first"])


async def test_what_is_not_kept_any_more_is_gone_and_the_first_that_is_kept_is_named(api: Api) -> None:
    publisher = await published(api, "one", "two")
    lane, records = max(publisher.topics.items(), key=lambda pair: len(pair[1]))
    rows = await rows_of(api, lane)
    second = rows[1]["sequence"]
    await execute(api, delete(outbox).where(outbox.c.id == rows[0]["id"]))

    assert await gone(api, lane, 0) == second
    assert await gone(api, lane, second - 2) == second
    assert (await events(api, lane, second - 1))["items"][0]["sequence"] == second

    await execute(api, delete(outbox))
    assert await gone(api, lane, 0) == len(records) + 1
    assert await events(api, lane, len(records)) == {"items": [], "next": None}


async def rows_of(api: Api, lane: Lane) -> list[dict[str, Any]]:
    found = [row for row in (await api.rows())["outbox"] if (row["topic"], row["partition"]) == lane]
    return sorted((dict(row) for row in found), key=lambda row: row["sequence"])


async def test_what_lies_behind_a_leap_of_the_numbers_begins_there(api: Api) -> None:
    """After a restore, numbers go on above all that were seen."""
    publisher = await published(api)
    lane, records = next(iter(publisher.topics.items()))
    await execute(api, update(relay_lanes).where(relay_lanes.c.topic == lane.topic).values(assigned=1000, published=1000))

    assert await gone(api, lane, len(records)) == 1001


async def test_nothing_follows_a_row_that_cannot_be_read_or_is_missing(api: Api) -> None:
    publisher = await published(api, "one", "two")
    lane, _ = max(publisher.topics.items(), key=lambda pair: len(pair[1]))
    rows = await rows_of(api, lane)
    await execute(api, update(outbox).where(outbox.c.id == rows[1]["id"]).values(kind="unheard of"))

    broken = await events(api, lane)
    await execute(api, delete(outbox).where(outbox.c.id == rows[1]["id"]))
    missing = await events(api, lane)

    assert broken == missing
    assert [each["sequence"] for each in broken["items"]] == list(range(1, rows[1]["sequence"]))
    assert broken["next"] == rows[1]["sequence"] - 1


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"topic": "compliance", "partition": 0}, "topic"),
        ({"topic": "directives"}, "partition"),
        ({"topic": "directives", "partition": 6}, "partition"),
        ({"topic": "directives", "partition": -1}, "partition"),
        ({"topic": "directives", "partition": 0, "after": -1}, "after"),
        ({"topic": "directives", "partition": 0, "after": 2**60}, "after"),
        ({"topic": "directives", "partition": 0, "limit": 1001}, "limit"),
    ],
)
async def test_a_wrong_question_is_told_where_it_is_wrong(sqlite_api: Api, query: dict[str, Any], parameter: str) -> None:
    answer = await sqlite_api.get("/v1/events", 422, **query)

    assert [error["parameter"] for error in answer["errors"]] == [parameter]


async def test_while_there_is_a_key_it_takes_it(sqlite_database: str) -> None:
    query: dict[str, Any] = {"topic": "directives", "partition": 0}
    async with running_api(sqlite_database, GEOWITHHOLD_ADMIN_KEY=KEY) as api:
        refused = await api.get("/v1/events", 401, **query)
        challenge = (await api.client.get("/v1/events", params=query)).headers["www-authenticate"]
        api.client.headers = httpx2.Headers({"Authorization": f"Bearer {KEY}"})

        assert (refused["type"], challenge) == ("urn:geowithhold:problem:key-required", "Bearer")
        assert await api.get("/v1/events", **query) == {"items": [], "next": None}


async def test_the_notifier_reads_them_as_they_were_sent(api: Api) -> None:
    publisher = await published(api)
    notifier = BlocklistHistory(api.client, TOPICS)

    for lane, records in publisher.topics.items():
        assert await notifier.events(lane.topic, lane.partition, after=0) == list(enumerate(records, 1))
        assert await notifier.events(lane.topic, lane.partition, after=len(records)) == []


async def test_the_notifier_is_told_from_where_on_they_are_kept(api: Api) -> None:
    publisher = await published(api)
    lane, records = max(publisher.topics.items(), key=lambda pair: len(pair[1]))
    here = (outbox.c.topic == lane.topic, outbox.c.partition == lane.partition)
    await execute(api, delete(outbox).where(*here))

    with pytest.raises(EventsPurged) as purged:
        await BlocklistHistory(api.client, TOPICS).events(lane.topic, lane.partition, after=0)

    assert purged.value.first == len(records) + 1
