"""A restored notifier reads again what came since, and ends where it was."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.outbound import Told
from services.notifier.outbox import append_findings
from services.notifier.restore import restore
from services.notifier.settings import NotifierSettings
from services.notifier.tables import metadata
from shared.backup import BackupRefused
from shared.backup.cli import RestoreOptions, backed_up
from shared.db import Database, opened
from shared.events import Position, Record, placed
from shared.events.compliance import EnforcementOverdue
from shared.ids import Jurisdiction, PointId, Target
from shared.kafka import ensure_topics
from shared.migrations import migrate
from shared.topics import Topics
from tests.integration.notifier.fakes import DIRECTIVES, ENFORCEMENTS, WITHHOLDINGS, FakeKafka
from tests.integration.notifier.rig import Rig
from tests.integration.notifier.world import PACKAGE, World
from tests.support.blocklist import NOBODY_LISTENS
from tests.support.broker import produce
from tests.unit.notifier.builders import AT, counts, decided, item, items, received, record, report, withholding

pytestmark = pytest.mark.fault(46)


def settings(url: str, **more: str) -> NotifierSettings:
    named: dict[str, Any] = {"NOTIFIER_DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": NOBODY_LISTENS, **more}
    return NotifierSettings(**named)


@pytest.fixture
async def url(database_url: str) -> str:
    await migrate(database_url, PACKAGE)
    return database_url


async def rows(url: str) -> dict[str, list[dict[str, Any]]]:
    async def work(connection: AsyncConnection) -> dict[str, list[dict[str, Any]]]:
        return {
            table.name: [
                dict(row) for row in (await connection.execute(select(*table.c).order_by(*table.primary_key))).mappings()
            ]
            for table in metadata.sorted_tables
        }

    async with opened(Database(url)) as database:
        return await database.read(work)


def numbered(sequence: int, event: Any) -> Record:
    return placed(record(event), Position(1, sequence))


def first(kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, numbered(1, withholding("account:a")), numbered(2, withholding("account:b")))
    kafka.write(DIRECTIVES, numbered(1, received()), numbered(2, items(2, item("account:a"), item("account:b"))))
    kafka.write(ENFORCEMENTS, report("account:a"))


def later(kafka: FakeKafka) -> None:
    kafka.write(WITHHOLDINGS, numbered(3, withholding("account:a", 2)), numbered(4, withholding("account:c")))
    kafka.write(DIRECTIVES, numbered(3, decided(3, tally=counts(complied=2))))
    kafka.write(ENFORCEMENTS, report("account:b"), report("account:a", 2))


async def test_what_came_since_the_backup_is_read_again_and_takes_effect_once(url: str, tmp_path: Path) -> None:
    kafka = FakeKafka()
    first(kafka)
    async with opened(Database(url)) as database:
        await World(database).register()
        await Rig(World(database), kafka).turn()
    await backed_up(url, PACKAGE, metadata, tmp_path / "backup")
    later(kafka)
    async with opened(Database(url)) as database:
        await Rig(World(database), kafka).turn()
    lost = await rows(url)

    answer = await restore(settings(url), tmp_path / "backup", RestoreOptions(replace=True, roll_forward=False))
    async with opened(Database(url)) as database:
        await Rig(World(database), kafka).turn()
        await Rig(World(database), kafka).turn()

    found = await rows(url)
    assert answer["epoch"] == 1001
    for name in ("withholdings", "withholding_history", "enforcements", "directives", "case_items", "offsets", "version_holes"):
        assert found[name] == lost[name], name
    assert len(found["enforcements"]) == 4


@pytest.mark.broker
async def test_numbers_and_what_was_published_since_are_learnt_from_the_topic(
    url: str, broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    topics = Topics(prefix=topic_prefix)
    await ensure_topics(broker, topics.specs())
    async with opened(Database(url)) as database:
        await database.write(lambda connection: append_findings(connection, topics, [told("one"), told("two")], AT))
    await backed_up(url, PACKAGE, metadata, tmp_path / "backup")
    queued = [placed(each, Position(4, number)) for number, each in enumerate(await waiting(url), 7)]
    await produce(broker, topics.compliance, [(each.key.decode(), each.value, list(each.headers)) for each in queued[:1]])

    environment = {"KAFKA_BOOTSTRAP_SERVERS": broker, "GEOWITHHOLD_TOPIC_PREFIX": topic_prefix}
    answer = await restore(settings(url, **environment), tmp_path / "backup", RestoreOptions(replace=True, roll_forward=True))

    assert answer["epoch"] == 5
    assert answer["counts"] == {"rows_published_before": 1, "rows_waiting": 1}
    assert [row["published_at"] is None for row in (await rows(url))["outbox"]] == [False, True]
    lanes = {(row["topic"], row["published"]) for row in (await rows(url))["relay_lanes"]}
    assert lanes == {(topics.compliance, 7)}
    assert [(row["epoch"], row["restored_from"][:6]) for row in (await rows(url))["system"]] == [(5, "backup")]


async def test_without_kafka_nothing_is_restored_unless_that_is_wanted(url: str, tmp_path: Path) -> None:
    await backed_up(url, PACKAGE, metadata, tmp_path / "backup")
    before = await rows(url)

    with pytest.raises(BackupRefused, match="numbers would be used again"):
        await restore(settings(url), tmp_path / "backup", RestoreOptions(replace=True, roll_forward=True))

    assert await rows(url) == before


def told(name: str) -> Told:
    finding = EnforcementOverdue(
        target=Target(f"account:{name}"), jurisdiction=Jurisdiction("IN"), point=PointId("search"), version=1, due_at=AT, at=AT
    )
    return Told(f"fnd_{name}", finding)


async def waiting(url: str) -> list[Record]:
    from services.notifier.outbox import OUTBOX

    return [event for row in (await rows(url))["outbox"] for event in OUTBOX.records(row["kind"], row["body"])]
