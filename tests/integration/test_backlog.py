"""Asking what waits in the outbox is cheap, however many ask."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.app import PACKAGE
from services.blocklist.outbox import OUTBOX
from shared.db import Database
from shared.events import Record
from shared.http.readiness import Said
from shared.migrations import migrate
from shared.outbox import backlog as backlog_module
from shared.outbox.backlog import LATE_SECONDS, Backlog, Waiting, published_in_time
from shared.outbox.table import Lane, Outbox, row_of
from tests.support.builders import NOON
from tests.support.fakes import FakeClock

ROW = row_of(Lane("t", 0), Record(b"k", b"v", ()))


class CountedOutbox:
    """Counts readings; each takes as long as it is told to."""

    def __init__(self) -> None:
        self.readings = 0
        self.during: Callable[[], None] = lambda: None

    async def backlog(self, connection: AsyncConnection) -> tuple[int, object]:
        self.readings += 1
        self.during()
        return await OUTBOX.backlog(connection)


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    await migrate(database_url, PACKAGE)
    opened = Database(database_url)
    yield opened
    await opened.close()


async def queue(database: Database, rows: int) -> None:
    await database.write(lambda connection: OUTBOX.append(connection, [ROW] * rows, NOON))


def backlog_of(database: Database, seconds: Seconds, clock: FakeClock | None = None) -> tuple[Backlog, CountedOutbox]:
    outbox = CountedOutbox()
    as_outbox: Outbox = outbox  # type: ignore[assignment]
    return Backlog(database, as_outbox, clock or FakeClock(), monotonic=seconds), outbox


async def test_all_who_ask_within_a_second_get_one_reading(database: Database) -> None:
    seconds = Seconds()
    backlog, outbox = backlog_of(database, seconds)
    await queue(database, 2)

    first = await asyncio.gather(*(backlog.now() for _ in range(20)))
    await queue(database, 1)
    seconds.now = 0.9
    second = await backlog.now()
    seconds.now = 1.1
    third = await backlog.now()

    assert set(first) == {second} == {Waiting(2, NOON)}
    assert (third.events, outbox.readings) == (3, 2)


async def test_a_backlog_that_takes_long_to_read_is_read_less_often(database: Database) -> None:
    seconds = Seconds()
    backlog, outbox = backlog_of(database, seconds)

    def slow() -> None:
        seconds.now += 2

    outbox.during = slow
    await backlog.now()
    seconds.now += 39
    await backlog.now()
    before = outbox.readings
    seconds.now += 2
    await backlog.now()

    assert (before, outbox.readings) == (1, 2)


async def test_who_asks_while_it_is_read_gets_what_was_known(database: Database) -> None:
    seconds = Seconds()
    backlog, outbox = backlog_of(database, seconds)
    await backlog.now()
    await queue(database, 1)
    seconds.now = 2

    both = await asyncio.gather(backlog.now(), backlog.now())

    assert ([found.events for found in both], outbox.readings) == ([1, 0], 2)


async def test_late_is_said_in_words_and_is_no_reason_to_be_unready(database: Database) -> None:
    clock = FakeClock()
    backlog, _outbox = backlog_of(database, Seconds(), clock)
    check = published_in_time(backlog)
    await queue(database, 1)

    early = await check()
    clock.advance(timedelta(seconds=LATE_SECONDS + 1))
    late = await check()

    assert (early.ready, early.degraded, early.details) == (True, None, {"unpublished": 1, "oldest_unpublished_seconds": 0})
    assert (late.ready, late.degraded) == (True, "the oldest event has waited 31 s to be published")


async def test_what_takes_too_long_to_count_is_told_and_makes_nobody_unready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog_module, "COUNTED_WITHIN", 0.01)

    class Endless(Backlog):
        async def now(self) -> Waiting:
            await asyncio.Event().wait()
            raise AssertionError

    said = await published_in_time(Endless.__new__(Endless))()

    assert said == Said(ready=True, degraded="what waits to be published is too much to be counted in time")
