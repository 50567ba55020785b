"""The relay's numbers and checkpoints, as the notifier reads them: both sides count and hash the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from services.blocklist.outbox import RELAY_TABLES
from services.notifier.auditor import Auditor
from services.notifier.consumer import Consumed, Partition, StoredInbox
from services.notifier.consumer.records import Numbered
from services.notifier.domain.checkpoints import PATIENCE
from services.notifier.filler import Filler
from services.notifier.tables import offsets
from shared.db import Database, opened
from shared.migrations import migrate
from shared.outbox import log
from shared.outbox.log import Events
from shared.outbox.table import Lane
from tests.integration.notifier.world import World
from tests.support.fakes import FakePublisher
from tests.support.relay import ONE_LANE, block, drain, lift, started

AT = datetime(2026, 1, 1, tzinfo=UTC)


@asynccontextmanager
async def migrated(file: Path, package: str) -> AsyncIterator[Database]:
    url = f"sqlite:///{file}"
    await migrate(url, package)
    async with opened(Database(url)) as database:
        yield database


@pytest.fixture
async def blocklist(tmp_path: Path) -> AsyncIterator[Database]:
    async with migrated(tmp_path / "blocklist.sqlite3", "services.blocklist") as database:
        yield database


@pytest.fixture
async def notifier(tmp_path: Path) -> AsyncIterator[World]:
    async with migrated(tmp_path / "notifier.sqlite3", "services.notifier") as database:
        yield World(database)


class Source:
    """What the blocklist's route answers from."""

    def __init__(self, blocklist: Database) -> None:
        self._blocklist = blocklist

    async def events(self, topic: str, partition: int, *, after: int) -> list[Numbered]:
        lane = Lane(topic, partition)
        found = await self._blocklist.read(lambda connection: log.read_after(connection, RELAY_TABLES, lane, after, 1000))
        assert isinstance(found, Events)
        return [Numbered(event.sequence, event.record) for event in found.items]


async def publish(blocklist: Database, publisher: FakePublisher) -> None:
    """All that waits, and a checkpoint of it."""
    relay = await started(blocklist, publisher, checkpoints="/test")
    await relay._store.ensure([Lane(ONE_LANE.checkpoints, 0)])
    await drain(relay)
    await relay.beat()
    await drain(relay)


async def read(notifier: World, publisher: FakePublisher, *, without_last: bool = False) -> None:
    inbox = StoredInbox(notifier.commands, ONE_LANE)
    for lane, records in publisher.topics.items():
        kept = records[:-1] if without_last and lane.topic == ONE_LANE.withholdings else records
        await inbox.take(Partition(*lane), [Consumed(offset, AT, each) for offset, each in enumerate(kept)])


async def audit(notifier: World, blocklist: Database) -> None:
    auditor = Auditor(commands=notifier.commands, topics=ONE_LANE)
    await auditor.run_once()
    await Filler(commands=notifier.commands, source=Source(blocklist), topics=ONE_LANE).run_once(asyncio.Event())
    await auditor.run_once()


async def verified(notifier: World) -> dict[str, tuple[int, int]]:
    """By topic, the last number seen and the last that was verified."""
    c = offsets.c
    rows = await notifier.rows(select(c.topic, c.sequence, c.verified_sequence).where(c.sequence.is_not(None)))
    return {topic: (sequence, up_to) for topic, sequence, up_to in rows}


async def test_what_the_relay_sent_is_verified_by_its_checkpoints(blocklist: Database, notifier: World) -> None:
    publisher = FakePublisher()
    await block(blocklist, topics=ONE_LANE)
    await lift(blocklist, topics=ONE_LANE)
    await publish(blocklist, publisher)

    await read(notifier, publisher)
    await audit(notifier, blocklist)

    lanes = {topic: len(publisher.topics[Lane(topic, 0)]) for topic in ONE_LANE.published}
    assert await verified(notifier) == {topic: (number, number) for topic, number in lanes.items()}
    assert lanes[ONE_LANE.withholdings] == 20


@pytest.mark.fault(28)
async def test_the_last_record_of_a_topic_is_lost_and_comes_from_the_blocklist(blocklist: Database, notifier: World) -> None:
    publisher = FakePublisher()
    await block(blocklist, topics=ONE_LANE)
    await publish(blocklist, publisher)
    await read(notifier, publisher, without_last=True)
    await audit(notifier, blocklist)
    assert len(await notifier.present()) == 9

    notifier.clock.advance(PATIENCE.total_seconds())
    await audit(notifier, blocklist)
    assert len(await notifier.present()) == 9
    await StoredInbox(notifier.commands, ONE_LANE).note_read_to_end([Partition(ONE_LANE.withholdings, 0)])
    await audit(notifier, blocklist)

    assert len(await notifier.present()) == 10
    assert (await verified(notifier))[ONE_LANE.withholdings] == (10, 10)
