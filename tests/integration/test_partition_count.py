"""The partition count belongs to the database: the first start stores it, and another one is refused."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from services.blocklist import __main__ as blocklist_main
from services.blocklist.app import PACKAGE
from services.blocklist.tables import outbox, system
from shared.db import Database, opened
from shared.migrations import migrate
from shared.partition_count import change_partitions, placed_as_stored, require_partitions
from shared.system import find
from shared.topics import Topics
from tests.support.blocklist import running_api, silence_logs
from tests.support.builders import order_json

NOBODY = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    silence_logs()
    yield
    structlog.reset_defaults()


@pytest.fixture
async def migrated_url(database_url: str) -> str:
    await migrate(database_url, PACKAGE)
    return database_url


async def in_thread(work: Callable[[], None]) -> None:
    """As a process does at its start: before it has a loop."""
    await asyncio.to_thread(work)


async def stored(url: str) -> int | None:
    async with opened(Database(url)) as database:
        return (await database.read(lambda connection: find(connection, system))).partitions


async def start(url: str, partitions: int) -> None:
    await in_thread(lambda: require_partitions(url, PACKAGE, system, partitions))


async def change(url: str, partitions: int, prefix: str = "other") -> None:
    topics = Topics(prefix=prefix, partitions=partitions)
    await in_thread(lambda: change_partitions(url, PACKAGE, system, outbox, topics))


async def test_the_first_start_stores_the_count_and_the_next_ones_keep_it(migrated_url: str) -> None:
    await start(migrated_url, 6)
    await start(migrated_url, 6)

    assert await stored(migrated_url) == 6


@pytest.mark.fault(19)
async def test_another_count_is_refused_with_the_way_to_change_it(migrated_url: str) -> None:
    await start(migrated_url, 6)

    with pytest.raises(SystemExit, match=r"GEOWITHHOLD_PARTITIONS is 12.*placed in 6 partitions.*change-partition-count"):
        await start(migrated_url, 12)

    assert await stored(migrated_url) == 6


@pytest.mark.fault(19)
async def test_a_process_that_started_without_its_database_is_not_ready_with_another_count(migrated_url: str) -> None:
    await start(migrated_url, 6)
    async with opened(Database(migrated_url)) as database:
        same, other = [await placed_as_stored(database, system, count)() for count in (6, 12)]

    assert (same.ready, other.ready, other.details) == (True, False, {"partitions": "12 set, 6 stored"})


async def test_a_service_with_another_count_says_why_it_is_not_ready(migrated_url: str) -> None:
    await start(migrated_url, 4)

    async with running_api(migrated_url) as api:
        answer = await api.client.get("/readyz")

    assert (answer.status_code, answer.json()["partitions"]) == (503, "6 set, 4 stored")


async def test_a_database_that_is_away_or_not_migrated_refuses_no_start(database_url: str) -> None:
    await start(NOBODY, 6)
    await start(database_url, 6)


async def test_the_count_is_changed_on_request(migrated_url: str) -> None:
    await start(migrated_url, 6)

    await change(migrated_url, 12)

    assert await stored(migrated_url) == 12
    await start(migrated_url, 12)


async def test_what_waits_for_topics_of_the_same_names_keeps_the_count(migrated_url: str) -> None:
    await start(migrated_url, 6)
    async with running_api(migrated_url) as api:
        await api.submit(order_json("@a"))

    with pytest.raises(SystemExit, match="GEOWITHHOLD_TOPIC_PREFIX"):
        await change(migrated_url, 12, prefix="test")

    assert await stored(migrated_url) == 6
    await change(migrated_url, 12)
    assert await stored(migrated_url) == 12


async def test_a_database_that_is_not_migrated_has_no_count_to_change(database_url: str) -> None:
    with pytest.raises(SystemExit, match="run migrate"):
        await change(database_url, 12)


async def test_the_command_line_changes_the_count(sqlite_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrate(sqlite_database, PACKAGE)
    await start(sqlite_database, 6)
    for name, value in {
        "BLOCKLIST_DATABASE_URL": sqlite_database,
        "GEOWITHHOLD_PARTITIONS": "9",
        "GEOWITHHOLD_VAR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)

    await in_thread(lambda: blocklist_main.main(["repartition"]))

    assert await stored(sqlite_database) == 9


def test_another_count_moves_keys() -> None:
    keys = [f"IN/account:a{number}" for number in range(100)]

    assert [Topics(partitions=6).partition_of(key) for key in keys] != [Topics(partitions=12).partition_of(key) for key in keys]
