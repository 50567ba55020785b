"""What was published is published again: all of what is chosen, with the same ids, in order."""

from collections import Counter, defaultdict
from typing import Any

import pytest

from services.blocklist.handlers import replays as handlers
from services.blocklist.outbox import OUTBOX
from services.blocklist.replaying import AHEAD, Replaying
from shared.clock import system_clock
from shared.events import Record
from shared.outbox.backlog import Backlog
from tests.support.blocklist import TOPICS, Api, running_api
from tests.support.builders import order_json, tco_json
from tests.support.fakes import FakePublisher
from tests.support.relay import publish_all

PATH = "/v1/admin/replays"


def replaying(api: Api) -> Replaying:
    backlog = Backlog(api.database, OUTBOX, system_clock, monotonic=iter(range(0, 10**6, 100)).__next__)
    return Replaying(database=api.database, topics=TOPICS, clock=system_clock, backlog=backlog)


async def carried_out(api: Api) -> None:
    worker = replaying(api)
    while await worker.run_once():
        pass


async def two_directives(api: Api) -> tuple[str, str]:
    """One of India, on ten accounts of which all are lifted again, and one of Germany."""
    first = await api.submit(order_json(*(f"@a{number}" for number in range(10)), reference="one"))
    await api.post("/v1/releases", {"cause": "error", "directive": first["id"], "targets": "all", "jurisdictions": ["IN"]})
    second = await api.submit(tco_json("@a1", "@b", reference="two"))
    await api.post(f"/v1/directives/{second['id']}/decisions", {"targets": "all", "decision": "comply"})
    return first["id"], second["id"]


async def published(api: Api) -> list[Record]:
    """Everything that waits, taken to the topics."""
    publisher = FakePublisher()
    await publish_all(api.database, publisher)
    return publisher.records()


def events(records: list[Record]) -> dict[str, bytes | None]:
    return {dict(record.headers)["ce_id"].decode(): record.value for record in records}


def is_in_order(records: list[Record]) -> bool:
    versions: dict[bytes, list[int]] = defaultdict(list)
    for record in records:
        versions[record.key].append(int(dict(record.headers)["ce_id"].rpartition(b"@")[2]))
    return all(numbers == list(range(1, len(numbers) + 1)) for numbers in versions.values())


async def replay(api: Api, **chosen: Any) -> list[Record]:
    started = await api.post(PATH, chosen, 202)
    assert started["state"] == "running"
    await carried_out(api)
    records = await published(api)
    ended = await api.get(f"{PATH}/{started['id']}")
    keys = {record.key for record in records if b"/" in record.key}
    assert (ended["state"], ended["keys"], ended["events"]) == ("done", len(keys), len(records))
    assert (ended["started_at"] <= ended["finished_at"], {**ended, **chosen}) == (True, ended)
    rehearsed = await api.post(PATH, {**chosen, "dry_run": True})
    assert rehearsed == {**chosen, "state": "rehearsed", "keys": ended["keys"], "events": ended["events"]}
    return records


def keyed(found: dict[str, bytes | None], *prefixes: str) -> dict[str, bytes | None]:
    return {id_: value for id_, value in found.items() if id_.startswith(prefixes)}


async def test_everything_is_published_again_byte_for_byte_and_in_order(api: Api) -> None:
    await two_directives(api)
    before = await published(api)

    after = await replay(api, everything=True)

    assert events(after) == events(before)
    assert len(after) == len(before)
    assert is_in_order(after)


async def test_a_key_is_published_again_with_all_its_versions(api: Api) -> None:
    await two_directives(api)
    before = events(await published(api))

    after = await replay(api, key="IN/account:a1")

    assert [dict(record.headers)["ce_id"] for record in after] == [b"IN/account:a1@1", b"IN/account:a1@2"]
    assert events(after) == keyed(before, "IN/account:a1@")


async def test_a_jurisdiction_is_published_again_without_others_and_without_directives(api: Api) -> None:
    await two_directives(api)
    before = events(await published(api))

    after = await replay(api, jurisdiction="IN")

    assert events(after) == keyed(before, "IN/")
    assert len(after) == 20
    assert is_in_order(after)


async def test_a_directive_is_published_again_with_the_keys_that_it_claimed(api: Api) -> None:
    first, second = await two_directives(api)
    before = events(await published(api))

    assert len(keyed(before, "DE/")) == 2
    assert events(await replay(api, directive=first)) == keyed(before, first, "IN/")
    assert events(await replay(api, directive=second)) == keyed(before, second, "DE/")


@pytest.mark.parametrize("topic", ["withholdings", "directives"])
async def test_a_partition_is_published_again_and_all_of_them_are_the_topic(api: Api, topic: str) -> None:
    await two_directives(api)
    before = events(await published(api))
    mine = {id_: value for id_, value in before.items() if ("/" in id_) == (topic == "withholdings")}

    found: Counter[str] = Counter()
    for partition in range(TOPICS.partitions):
        after = await replay(api, topic=topic, partition=partition)
        assert {TOPICS.partition_of(record.key.decode()) for record in after} <= {partition}
        found.update(events(after).keys())

    assert found == Counter(mine.keys())


async def test_steps_are_small_and_lose_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEYS_AT_ONCE", "EVENTS_AT_ONCE", "COUNTED_AT_ONCE"):
        monkeypatch.setattr(handlers, name, 1)
    first, _ = await two_directives(api)
    before = await published(api)

    assert events(await replay(api, everything=True)) == events(before)
    assert events(await replay(api, directive=first)) == keyed(events(before), first, "IN/")
    assert is_in_order(await replay(api, everything=True))


async def test_new_versions_follow_those_that_are_published_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "KEYS_AT_ONCE", 3)
    await two_directives(api)
    await published(api)
    await api.post(PATH, {"everything": True}, 202)
    worker = replaying(api)
    await worker.run_once()
    await api.submit(order_json(*(f"@a{number}" for number in range(10)), reference="again"))
    await carried_out(api)

    records = await published(api)

    last = {record.key: int(dict(record.headers)["ce_id"].rpartition(b"@")[2]) for record in records}
    assert {last[f"IN/account:a{number}".encode()] for number in range(10)} == {3}


async def test_replays_wait_until_the_relay_has_taken_what_is_queued(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.blocklist.replaying.AHEAD", 5)
    await two_directives(api)
    await api.post(PATH, {"everything": True}, 202)

    waited = await replaying(api).run_once()
    await published(api)

    assert (waited, await replaying(api).run_once()) == (False, True)
    assert AHEAD > 5


async def test_replays_are_listed_and_go_on_by_themselves_where_one_process_does_everything(sqlite_database: str) -> None:
    async with running_api(sqlite_database) as api:
        await two_directives(api)
        started = await api.post(PATH, {"key": "IN/account:a1"}, 202, key="once")
        again = await api.post(PATH, {"key": "IN/account:a1"}, 202, key="once")
        other = await api.post(PATH, {"everything": True}, 202)
        listed = await api.get(PATH, limit=1)
        more = await api.get(PATH, cursor=listed["next"])

    assert again["id"] == started["id"]
    assert [item["id"] for item in [*listed["items"], *more["items"]]] == [started["id"], other["id"]]
    assert more["next"] is None


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, [""]),
        ({"everything": False}, [""]),
        ({"key": "IN/account:a1", "everything": True}, ["/key", "/everything"]),
        ({"jurisdiction": "IN", "directive": "dir_1", "dry_run": True}, ["/directive", "/jurisdiction"]),
        ({"key": "account:a1"}, ["/key"]),
        ({"key": "IN/thing:a1"}, ["/key"]),
        ({"jurisdiction": "EU"}, ["/jurisdiction"]),
        ({"topic": "withholdings"}, ["/partition"]),
        ({"everything": True, "partition": 1}, ["/partition"]),
        ({"topic": "withholdings", "partition": 6}, ["/partition"]),
        ({"topic": "compliance", "partition": 1}, ["/topic"]),
        ({"partition": -1}, ["/partition"]),
        ({"all": True}, ["/all"]),
    ],
)
async def test_exactly_one_thing_is_chosen_and_what_is_wrong_is_named(
    sqlite_api: Api, body: dict[str, Any], pointers: list[str]
) -> None:
    refused = await sqlite_api.post(PATH, body, 422)

    assert [error["pointer"] for error in refused["errors"]] == pointers
    assert not (await sqlite_api.rows())["replays"]


@pytest.mark.parametrize("body", [{"key": "IN/account:nobody"}, {"key": "DE/account:a1"}, {"directive": "dir_unknown"}])
async def test_what_never_was_cannot_be_published_again(sqlite_api: Api, body: dict[str, Any]) -> None:
    await sqlite_api.submit(order_json("@a1"))

    await sqlite_api.post(PATH, body, 404)
    await sqlite_api.get(f"{PATH}/rpl_unknown", 404)


async def test_while_there_is_a_key_replays_take_it(sqlite_database: str) -> None:
    async with running_api(sqlite_database, GEOWITHHOLD_ADMIN_KEY="secret") as api:
        await api.post(PATH, {"everything": True}, 401)
        await api.get(PATH, 401)
