import asyncio
import gc
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

import shared.db
from shared.backoff import Backoff
from shared.db import (
    LOCK_TIMEOUT,
    ConcurrentChange,
    Database,
    Instant,
    OutcomeUnknown,
    driver_url,
    exclusive,
    is_outage,
    opened,
    sqlstate,
)

metadata = MetaData()
notes = Table("notes", metadata, Column("id", Integer, primary_key=True), Column("at", Instant))
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    monkeypatch.setattr(shared.db, "_backoff", Backoff(cap=timedelta()))
    async with opened(Database(database_url)) as database:
        await database.write(lambda connection: connection.run_sync(metadata.create_all))
        yield database


async def add(connection: AsyncConnection, number: int = 1, at: datetime | None = None) -> None:
    await connection.execute(insert(notes).values(id=number, at=at))


async def count(database: Database) -> int:
    found = await database.read(lambda connection: connection.scalar(select(func.count()).select_from(notes)))
    return int(found or 0)


async def test_a_write_is_committed_before_it_returns(database: Database) -> None:
    await database.write(add)

    assert await count(database) == 1


async def test_a_write_that_fails_stores_nothing_and_raises_what_failed(database: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await add(connection)
        raise LookupError("no")

    with pytest.raises(LookupError, match="no"):
        await database.write(work)

    assert await count(database) == 0


async def test_a_rehearsal_sees_what_it_wrote_and_leaves_nothing(database: Database) -> None:
    async def work(connection: AsyncConnection) -> int:
        await add(connection)
        return int(await connection.scalar(select(func.count()).select_from(notes)) or 0)

    assert (await database.rehearse(work), await count(database)) == (1, 0)


async def test_nobody_is_told_of_a_rehearsal(database_url: str) -> None:
    told: list[None] = []

    async with opened(Database(database_url, after_commit=lambda: told.append(None))) as database:
        await database.rehearse(lambda connection: connection.run_sync(metadata.create_all))

    assert told == []


async def test_a_read_stores_nothing(database: Database) -> None:
    await database.read(add)

    assert await count(database) == 0


async def test_after_each_commit_somebody_is_told_and_after_a_failure_nobody(database_url: str) -> None:
    told: list[None] = []

    async def fail(_connection: AsyncConnection) -> None:
        raise LookupError

    async with opened(Database(database_url, after_commit=lambda: told.append(None))) as database:
        await database.write(lambda connection: connection.run_sync(metadata.create_all))
        await database.write(add)
        with pytest.raises(LookupError):
            await database.write(fail)

    assert len(told) == 2


@pytest.mark.fault(4)
async def test_a_caller_that_hangs_up_leaves_a_whole_transaction(database: Database) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def work(connection: AsyncConnection) -> None:
        await add(connection, 1)
        reached.set()
        await go_on.wait()
        await add(connection, 2)

    caller = asyncio.create_task(database.write(work))
    await reached.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await database.close()

    assert await count(database) == 2


@pytest.mark.fault(4)
async def test_a_write_that_fails_after_its_caller_hung_up_says_nothing(database: Database) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def work(connection: AsyncConnection) -> None:
        reached.set()
        await go_on.wait()
        raise LookupError

    caller = asyncio.create_task(database.write(work))
    await reached.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await database.close()
    del caller
    gc.collect()

    assert await count(database) == 0


async def test_work_whose_ground_changed_is_run_again_from_the_beginning(database: Database) -> None:
    tries: list[int] = []

    async def work(connection: AsyncConnection) -> int:
        tries.append(1)
        await add(connection, len(tries))
        if len(tries) < 4:
            raise ConcurrentChange
        return len(tries)

    assert await database.write(work) == 4
    assert await count(database) == 1


@pytest.mark.fault(8)
async def test_work_is_run_again_a_bounded_number_of_times(database: Database) -> None:
    tries: list[int] = []

    async def work(_connection: AsyncConnection) -> None:
        tries.append(1)
        raise ConcurrentChange

    with pytest.raises(ConcurrentChange):
        await database.write(work)

    assert len(tries) == 8


async def test_an_error_that_would_come_again_is_raised_at_once(database: Database) -> None:
    tries: list[int] = []

    async def work(connection: AsyncConnection) -> None:
        tries.append(1)
        await add(connection, 7)
        await add(connection, 7)

    with pytest.raises(IntegrityError):
        await database.write(work)

    assert len(tries) == 1


@pytest.mark.fault(8)
async def test_a_deadlock_is_resolved_by_running_one_of_the_two_again(postgres_database: str) -> None:
    both = asyncio.Barrier(2)
    tries: list[int] = []

    async with opened(Database(postgres_database)) as database:
        await database.write(lambda connection: connection.run_sync(metadata.create_all))
        for number in (1, 2):
            await database.write(lambda connection, number=number: add(connection, number))  # type: ignore[misc]

        async def lock(connection: AsyncConnection, order: tuple[int, int]) -> None:
            tries.append(1)
            for number in order:
                await connection.execute(notes.update().where(notes.c.id == number).values(at=NOON))
                if number == order[0] and len(tries) <= 2:
                    await both.wait()

        await asyncio.gather(
            database.write(lambda connection: lock(connection, (1, 2))),
            database.write(lambda connection: lock(connection, (2, 1))),
        )

    assert len(tries) == 3


async def test_many_writers_take_turns_and_none_is_lost(database: Database) -> None:
    async def increment(connection: AsyncConnection) -> None:
        found = await connection.scalar(select(func.count()).select_from(notes).where(notes.c.id >= 0))
        await add(connection, int(found or 0))

    if database.dialect == "sqlite":
        await asyncio.gather(*(database.write(increment) for _ in range(20)))
    else:
        await asyncio.gather(*(database.write(lambda connection, n=n: add(connection, n)) for n in range(20)))  # type: ignore[misc]

    assert await count(database) == 20


async def test_an_instant_comes_back_aware_and_in_utc(database: Database) -> None:
    local = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    await database.write(lambda connection: add(connection, 1, local))
    await database.write(lambda connection: add(connection, 2))

    found = list(await database.read(lambda connection: connection.scalars(select(notes.c.at).order_by(notes.c.id))))

    assert found == [NOON, None]
    assert found[0].utcoffset() == timedelta()


async def test_a_naive_time_is_never_stored(database: Database) -> None:
    naive = datetime(2026, 3, 1)  # noqa: DTZ001 (that is the point)

    with pytest.raises(StatementError, match="naive"):
        await database.write(lambda connection: add(connection, 1, naive))


@pytest.mark.fault(3)
async def test_a_commit_whose_connection_broke_has_an_unknown_outcome(postgres_database: str) -> None:
    async with opened(Database(postgres_database)) as database, opened(Database(postgres_database)) as other:
        await database.write(lambda connection: connection.run_sync(metadata.create_all))

        async def work(connection: AsyncConnection) -> None:
            await add(connection)
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            await other.write(lambda killer: killer.execute(text(f"SELECT pg_terminate_backend({pid}, 5000)")))

        with pytest.raises(OutcomeUnknown):
            await database.write(work)


def wrapped(code: str | None, *, broken: bool = False) -> DBAPIError:
    error = DBAPIError("SELECT 1", None, Exception(code), connection_invalidated=broken)
    error.orig = SimpleNamespace(sqlstate=code)  # type: ignore[assignment]
    return error


@pytest.mark.parametrize(
    "error",
    [
        OutcomeUnknown(),
        ConcurrentChange(),
        ConnectionRefusedError(),
        TimeoutError(),
        PoolTimeout(),
        wrapped("08006"),
        wrapped("53300"),
        wrapped("57P01"),
        wrapped(LOCK_TIMEOUT),
        wrapped(None, broken=True),
    ],
)
def test_a_database_that_is_away_or_overwhelmed_is_an_outage(error: BaseException) -> None:
    assert is_outage(error)


@pytest.mark.parametrize("error", [wrapped("23505"), wrapped(None), ValueError(), RuntimeError()])
def test_a_wrong_statement_is_no_outage(error: BaseException) -> None:
    assert not is_outage(error)


def test_the_code_of_an_error_is_found_however_it_is_wrapped() -> None:
    assert (sqlstate(wrapped("40001")), sqlstate(wrapped(None)), sqlstate(ValueError())) == ("40001", None, None)


def test_a_locked_sqlite_file_is_an_outage_and_a_missing_table_is_none(tmp_path: Path) -> None:
    def failure(statement: str) -> DBAPIError:
        with closing(sqlite3.connect(tmp_path / "file", timeout=0)) as connection:
            try:
                connection.execute(statement)
            except sqlite3.OperationalError as error:
                return DBAPIError(statement, None, error)
        raise AssertionError(f"{statement} went well")

    with closing(sqlite3.connect(tmp_path / "file")) as other:
        other.execute("BEGIN IMMEDIATE")

        assert is_outage(failure("BEGIN IMMEDIATE"))
        assert not is_outage(failure("SELECT * FROM missing"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////data/a.sqlite3", "sqlite+aiosqlite:////data/a.sqlite3"),
        ("postgresql://u:p@h:5/n", "postgresql+asyncpg://u:p@h:5/n"),
        ("postgres://u@h/n", "postgresql+asyncpg://u@h/n"),
        ("postgresql+psycopg://u@h/n", "postgresql+asyncpg://u@h/n"),
        ("postgresql:///n?host=%2Ftmp%2Fpg", "postgresql+asyncpg:///n?host=%2Ftmp%2Fpg"),
    ],
)
def test_the_driver_of_a_database_is_ours_to_choose(url: str, expected: str) -> None:
    assert driver_url(url) == expected


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_sqlite_database_needs_a_file(url: str) -> None:
    with pytest.raises(ValueError, match="file"):
        Database(url)


def test_a_sqlite_file_serves_one_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'test.sqlite3'}"
    with exclusive(url), pytest.raises(RuntimeError, match="another process"), exclusive(url):
        pytest.fail("two at once")

    with exclusive(url):
        assert (tmp_path / "new").is_dir()


def test_a_killed_process_leaves_its_file_to_the_next(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'test.sqlite3'}"
    program = f"import os; from shared.db import exclusive; e = exclusive({url!r}); e.__enter__(); os.kill(os.getpid(), 9)"

    killed = subprocess.run([sys.executable, "-c", program], check=False, env=os.environ | {"PYTHONPATH": str(Path.cwd())})

    assert killed.returncode == -9
    with exclusive(url):
        pass


def test_postgresql_serves_any_number_of_processes() -> None:
    with exclusive("postgresql://h/n"), exclusive("postgresql://h/n"):
        pass


@pytest.mark.parametrize(("version", "journal", "synchronous"), [((3, 51, 3), "wal", 2), ((3, 40, 1), "truncate", 3)])
async def test_a_commit_on_sqlite_survives_a_power_cut(
    sqlite_database: str, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], journal: str, synchronous: int
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    async with opened(Database(sqlite_database)) as database:

        async def pragmas(connection: AsyncConnection) -> tuple[object, ...]:
            names = ("journal_mode", "synchronous", "foreign_keys")
            return tuple([await connection.scalar(text(f"PRAGMA {name}")) for name in names])

        assert await database.write(pragmas) == (journal, synchronous, 1)


class Committing:
    """A connection whose COMMIT ends like this."""

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self.invalidated = False

    async def commit(self) -> None:
        raise self._error

    async def invalidate(self) -> None:
        self.invalidated = True


@pytest.mark.fault(3)
@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        ConnectionResetError(),
        asyncio.CancelledError(),
        wrapped(None, broken=True),
        wrapped("08007"),
        wrapped("40003"),
    ],
)
async def test_a_commit_that_nobody_answered_has_an_unknown_outcome(error: BaseException) -> None:
    with pytest.raises(OutcomeUnknown):
        await shared.db._commit(Committing(error))  # type: ignore[arg-type]


@pytest.mark.parametrize("code", ["23505", "40001"])
async def test_a_commit_that_was_refused_stored_nothing_and_its_connection_is_not_used_again(code: str) -> None:
    connection = Committing(wrapped(code))

    with pytest.raises(DBAPIError):
        await shared.db._commit(connection)  # type: ignore[arg-type]

    assert connection.invalidated
