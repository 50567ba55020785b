"""A restored database is the backup and all that the topics know beyond it."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

import pytest

from services.blocklist.outbox import OUTBOX
from services.blocklist.restore import restore
from shared.backup import BackupRefused
from shared.backup.cli import RestoreOptions
from shared.events import DirectiveItems, Payload, WithholdingChanged, decode, is_fence
from tests.integration.restore.place import APPROVED, COMPARED, LOST, Place, after, before
from tests.support.blocklist import Api, Rows, make_settings
from tests.support.builders import order_json

pytestmark = pytest.mark.broker


@pytest.fixture
def place(database_url: str, broker: str, topic_prefix: str, tmp_path: Path) -> Place:
    return Place(database_url, broker, topic_prefix, tmp_path)


def told(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """Everything that is told by events."""
    return {
        table: [{name: value for name, value in row.items() if name not in LOST.get(table, ())} for row in rows[table]]
        for table in COMPARED
    }


@pytest.mark.fault(46)
async def test_everything_that_was_published_is_there_again(place: Place) -> None:
    async with place.api() as api:
        ids = await before(api)
    await place.publish()
    await place.back_up()
    async with place.api() as api:
        await after(api, ids)
    await place.publish()
    lost = await place.rows()

    report = await place.restore()

    found = told(await place.rows())
    for table, rows in told(lost).items():
        assert found[table] == rows, table
    assert report["look_at"] == {}
    assert report["epoch"] == 2


async def lost_after(
    place: Place, *happens: Callable[[Api, Mapping[str, str]], Awaitable[None]], published: str
) -> dict[str, Any]:
    """Backs up, lets things happen of which only this topic hears, loses the database, and restores it."""
    async with place.api() as api:
        ids = await before(api)
    await place.publish()
    await place.back_up()
    async with place.api() as api:
        for each in happens:
            await each(api, ids)
    await place.publish(published)
    return {"ids": ids, **await place.restore()}


async def released(api: Api, ids: Mapping[str, str]) -> None:
    body = {"cause": "platform_decision", "directive": ids["first"], "targets": ["@acct_1"], "jurisdictions": ["IN"]}
    await api.post("/v1/releases", {**body, **APPROVED})


async def decided(api: Api, ids: Mapping[str, str]) -> None:
    await api.post(f"/v1/directives/{ids['second']}/decisions", {"decision": "comply", "targets": ["@acct_9"]})


async def ordered(api: Api, _ids: Mapping[str, str]) -> None:
    await api.submit(order_json("@acct_1", "@acct_77", reference="new"))


def key(rows: Rows, target: str, table: str = "withholdings") -> Mapping[str, Any]:
    (found,) = [row for row in rows[table] if row["target"] == f"account:{target}"]
    return found


def item(rows: Rows, directive: str, target: str) -> Mapping[str, Any]:
    (found,) = [row for row in rows["items"] if (row["directive"], row["target"]) == (directive, f"account:{target}")]
    return found


def _is_of(event: Payload, target: str) -> TypeGuard[WithholdingChanged]:
    return isinstance(event, WithholdingChanged) and event.target == f"account:{target}"


def waiting(rows: Rows) -> list[Payload]:
    """What is still to be published, without what only fences lanes."""
    queued = [row for row in rows["outbox"] if row["published_at"] is None]
    records = [record for row in queued for record in OUTBOX.records(row["kind"], row["body"]) if not is_fence(record)]
    return [decode(record.value, record.headers).data for record in records]


@pytest.mark.fault(46)
async def test_a_lifting_that_only_the_keys_tell_of_ends_the_claim(place: Place) -> None:
    report = await lost_after(place, released, published=place.topics.withholdings)

    rows, first = await place.rows(), report["ids"]["first"]
    assert (key(rows, "acct_1")["state"], key(rows, "acct_1")["version"], key(rows, "acct_1")["claimants"]) == ("released", 2, [])
    assert item(rows, first, "acct_1")["state"] == "released"
    assert item(rows, first, "acct_1")["claims"] == {"IN": "platform_decision"}
    assert report["look_at"]["claim_ended_by_key"]["first"] == [f"IN/account:acct_1 {first}"]
    (directive,) = [row for row in rows["directives"] if row["id"] == first]
    assert directive["tally"] == {"complied": 3, "released:platform_decision": 1}
    told = [each for each in waiting(rows) if isinstance(each, DirectiveItems) and each.directive == first]
    assert [(each.revision, [changed.decision for changed in each.items]) for each in told] == [(3, ["released"])]


@pytest.mark.fault(46)
async def test_a_lifting_that_only_the_cases_tell_of_is_made_and_told(place: Place) -> None:
    report = await lost_after(place, released, published=place.topics.directives)

    rows = await place.rows()
    assert (key(rows, "acct_1")["state"], key(rows, "acct_1")["version"]) == ("released", 2)
    assert key(rows, "acct_1")["cause"] == "platform_decision"
    assert report["look_at"]["settled_as_released"]["first"] == ["IN/account:acct_1@2"]
    assert [(each.version, each.state) for each in waiting(rows) if _is_of(each, "acct_1")] == [(2, "released")]


@pytest.mark.fault(46)
async def test_a_block_that_only_the_keys_tell_of_makes_the_claim(place: Place) -> None:
    report = await lost_after(place, decided, published=place.topics.withholdings)

    rows, second = await place.rows(), report["ids"]["second"]
    assert (key(rows, "acct_9")["state"], key(rows, "acct_9")["claimants"]) == ("withheld", [second])
    assert (item(rows, second, "acct_9")["state"], item(rows, second, "acct_9")["claims"]) == ("complied", {"IN": "live"})
    assert report["look_at"]["claim_taken_from_key"]["first"] == [f"IN/account:acct_9 {second}"]


@pytest.mark.fault(46)
async def test_a_block_that_only_the_cases_tell_of_is_made_and_told(place: Place) -> None:
    report = await lost_after(place, decided, published=place.topics.directives)

    rows = await place.rows()
    assert (key(rows, "acct_9")["state"], key(rows, "acct_9")["version"]) == ("withheld", 1)
    assert report["look_at"]["settled_as_withheld"]["first"] == ["IN/account:acct_9@1"]
    assert [(each.version, each.state) for each in waiting(rows) if _is_of(each, "acct_9")] == [(1, "withheld")]


@pytest.mark.fault(46)
async def test_a_directive_of_which_only_its_keys_are_left_holds_them_until_somebody_decides(place: Place) -> None:
    report = await lost_after(place, ordered, published=place.topics.withholdings)

    (unknown,) = report["look_at"]["directive_unknown"]["first"]
    async with place.api() as api:
        found = await api.get(f"/v1/directives/{unknown}")
        held = await api.get("/v1/withholdings/account:acct_77")
        release = {
            "cause": "error",
            "directive": unknown,
            "targets": ["@acct_77"],
            "jurisdictions": ["IN"],
            "memo": "nobody asks it",
        }
        done = await api.post("/v1/releases", release)
    assert (found["status"], found["authority"], found["items"]["complied"]) == ("in_force", "unknown", 1)
    assert held["withheld"]["country_codes"] == ["IN"]
    assert (done["released"], done["withholdings_changed"]) == (1, 1)


async def test_what_waited_in_the_backup_and_was_published_since_is_not_published_again(place: Place) -> None:
    async with place.api() as api:
        ids = await before(api)
    await place.back_up()
    async with place.api() as api:
        await after(api, ids)
    await place.publish()

    report = await place.restore()

    rows = await place.rows()
    assert report["counts"]["events_waiting"] == 0
    assert waiting(rows) == []
    assert report["counts"]["lanes_fenced"] == 2 * place.topics.partitions


async def test_of_a_chunk_only_what_was_not_published_is_left(place: Place) -> None:
    names = [f"acct_{number}" for number in range(40)]
    async with place.api() as api:
        await api.submit(order_json(*(f"@{name}" for name in names)))
    await place.back_up()
    await place.publish_keys(f"IN/account:{name}" for name in names[:25])

    report = await place.restore()

    versions = sorted(each.target for each in waiting(await place.rows()) if isinstance(each, WithholdingChanged))
    assert versions == sorted(f"account:{name}" for name in names[25:])
    assert report["counts"]["events_published_before"] == 25


@pytest.mark.fault(46)
async def test_numbers_go_on_above_those_that_were_seen_under_a_higher_epoch(place: Place) -> None:
    async with place.api() as api:
        ids = await before(api)
    await place.publish()
    await place.back_up()
    async with place.api() as api:
        await after(api, ids)
    await place.publish()
    lost = {(row["topic"], row["partition"]): row["published"] for row in (await place.rows())["relay_lanes"]}

    first = await place.restore()
    found = {(row["topic"], row["partition"]): row["published"] for row in (await place.rows())["relay_lanes"]}
    await place.publish()
    second = await place.restore()

    assert found == lost
    assert (first["epoch"], second["epoch"]) == (2, 3)
    numbers = await place.positions()
    assert all(sorted(sequences) == list(range(1, len(sequences) + 1)) for sequences in numbers.values())


@pytest.mark.fault(46)
async def test_without_the_topics_nothing_is_restored_unless_that_is_wanted(place: Place) -> None:
    async with place.api() as api:
        await before(api)
    await place.back_up()
    rows = await place.rows()
    settings = make_settings(place.url, GEOWITHHOLD_TOPIC_PREFIX="nowhere", KAFKA_BOOTSTRAP_SERVERS=place.broker)

    with pytest.raises(BackupRefused, match=r"there is no topic .*liftings after the backup would be lost"):
        await restore(settings, place.backup, RestoreOptions(replace=True, roll_forward=True))
    assert await place.rows() == rows

    report = await place.restore(roll_forward=False)
    assert (report["epoch"], report["rolled_forward"], report["counts"]["events_waiting"]) == (1001, False, 10)


async def test_topics_with_another_number_of_partitions_are_not_read(place: Place) -> None:
    async with place.api() as api:
        await before(api)
    await place.publish()
    await place.back_up()
    other = {
        "KAFKA_BOOTSTRAP_SERVERS": place.broker,
        "GEOWITHHOLD_TOPIC_PREFIX": place.topics.prefix,
        "GEOWITHHOLD_PARTITIONS": 3,
    }

    with pytest.raises(BackupRefused, match="has 6 partitions, the settings say 3"):
        await restore(make_settings(place.url, **other), place.backup, RestoreOptions(replace=True, roll_forward=True))
