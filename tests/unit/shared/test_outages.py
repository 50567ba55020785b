"""What goes wrong with a database, told apart."""

import sqlite3
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import DBAPIError

from shared.outages import READ_ONLY, StoreUnfit, is_outage, sqlite_code


def from_postgres(sqlstate: str) -> DBAPIError:
    error = DBAPIError("SELECT 1", None, Exception(sqlstate))
    error.orig = SimpleNamespace(sqlstate=sqlstate)  # type: ignore[assignment]
    return error


def from_sqlite(code: int) -> DBAPIError:
    cause = sqlite3.OperationalError("it failed")
    cause.sqlite_errorcode = code
    return DBAPIError("SELECT 1", None, cause)


@pytest.mark.parametrize(
    "sqlstate",
    [
        pytest.param(READ_ONLY, marks=pytest.mark.fault(33), id="read only"),
        pytest.param("40P01", marks=pytest.mark.fault(8), id="deadlocks until nobody tries any more"),
        pytest.param("53100", marks=pytest.mark.fault(35), id="disk full"),
        pytest.param("53300", id="too many connections"),
        pytest.param("58030", marks=pytest.mark.fault(36), id="input/output error"),
        pytest.param("57014", id="statement timeout"),
        pytest.param("28P01", id="password refused"),
        pytest.param("3D000", id="no such database"),
    ],
)
def test_what_postgresql_cannot_do_now_is_an_outage(sqlstate: str) -> None:
    assert is_outage(from_postgres(sqlstate))


@pytest.mark.parametrize("sqlstate", ["23505", "22001", "42P01", "25001", "XX001"])
def test_what_postgresql_refuses_for_good_is_none(sqlstate: str) -> None:
    assert not is_outage(from_postgres(sqlstate))


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(sqlite3.SQLITE_BUSY, marks=pytest.mark.fault(37)),
        pytest.param(sqlite3.SQLITE_BUSY_SNAPSHOT, marks=pytest.mark.fault(37)),
        sqlite3.SQLITE_LOCKED,
        pytest.param(sqlite3.SQLITE_FULL, marks=pytest.mark.fault(35)),
        pytest.param(sqlite3.SQLITE_IOERR_WRITE, marks=pytest.mark.fault(35)),
        sqlite3.SQLITE_READONLY,
    ],
)
def test_what_sqlite_cannot_do_now_is_an_outage(code: int) -> None:
    assert is_outage(from_sqlite(code))


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT])
def test_what_sqlite_refuses_for_good_is_none(code: int) -> None:
    assert not is_outage(from_sqlite(code))


def test_a_store_that_is_unfit_is_an_outage() -> None:
    assert is_outage(StoreUnfit("fsync is off"))


def test_the_code_of_sqlite_is_found_however_it_is_wrapped() -> None:
    wrapped = from_sqlite(sqlite3.SQLITE_FULL)
    assert (sqlite_code(wrapped), sqlite_code(wrapped.orig or ValueError()), sqlite_code(ValueError())) == (13, 13, None)
