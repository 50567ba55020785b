"""What a SQLite file is opened with, and what becomes of a process whose disk fails it."""

import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from shared.engines import StoreLimits
from shared.sqlite import EXIT_STORE_LOST, end_if_fsync_failed, explained, sqlite_engines
from shared.store_start import require_fit
from tests.support.blocklist import silence_logs


class Ended(BaseException):
    pass


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The codes with which the process would have ended."""
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        raise Ended

    silence_logs()
    monkeypatch.setattr(os, "_exit", end)
    return codes


def failed(code: int) -> DBAPIError:
    cause = sqlite3.OperationalError("disk I/O error")
    cause.sqlite_errorcode = code
    return DBAPIError("COMMIT", None, cause)


@pytest.mark.fault(36)
@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC])
def test_an_fsync_that_failed_ends_the_process(ended: list[int], code: int) -> None:
    with pytest.raises(Ended):
        end_if_fsync_failed(failed(code))

    assert ended == [EXIT_STORE_LOST]


@pytest.mark.parametrize("error", [failed(sqlite3.SQLITE_FULL), failed(sqlite3.SQLITE_BUSY), ValueError()])
def test_nothing_else_ends_the_process(ended: list[int], error: Exception) -> None:
    end_if_fsync_failed(error)

    assert ended == []


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ((3, 40, 1), ["TRUNCATE", "EXTRA", "write-ahead logging can corrupt before 3.51.3"]),
        ((3, 51, 3), ["WAL", "FULL", "write-ahead logging is safe from 3.51.3 on"]),
    ],
)
def test_a_start_tells_which_journal_it_uses_and_why(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], told: list[str]
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)

    assert list(explained().values()) == [sqlite3.sqlite_version, *told]


def test_a_file_needs_nothing_to_be_fit(tmp_path: Path) -> None:
    require_fit(f"sqlite:///{tmp_path / 'file'}", StoreLimits())


def test_what_names_no_file_cannot_be_opened() -> None:
    with pytest.raises(ValueError, match="names none"):
        sqlite_engines("sqlite://", StoreLimits())
