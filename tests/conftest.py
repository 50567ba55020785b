"""Fixtures for all tests: databases of both kinds and a broker, each started once and only when a test asks for it."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.broker import ON_APACHE, running_test_broker
from tests.support.postgres import Postgres, fresh_database, running_postgres

_MARKED_BY_FIXTURE = {"postgres_database": "postgres", "postgres_server": "postgres", "broker": "broker"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks each test by the real things it asks for, so that `-m "not postgres and not broker"` leaves the rest.

    What only Apache Kafka can show is left out wherever that is not the broker of this run; what needs to be root, and programs
    that no wheel brings, wherever `GEOWITHHOLD_TEST_SYSTEM` is not set.
    """
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in _MARKED_BY_FIXTURE:
                item.add_marker(_MARKED_BY_FIXTURE[fixture])
    absent = {"apache": not ON_APACHE, "system": not os.environ.get("GEOWITHHOLD_TEST_SYSTEM")}
    left_out = [item for item in items if any(absent[name] and item.get_closest_marker(name) for name in absent)]
    if left_out:
        items[:] = [item for item in items if item not in set(left_out)]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Postgres) -> str:
    """The URL of the server's own database. Make nothing in it: `postgres_database` gives each test one of its own."""
    return postgres_server.url("postgres")


@pytest.fixture
def postgres_database(postgres_server: Postgres) -> Iterator[str]:
    """The plain URL of an empty PostgreSQL database, dropped after the test."""
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
def sqlite_database(tmp_path: Path) -> str:
    """The plain URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'test.sqlite3'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind in turn: a test that takes this one runs on both."""
    url: str = request.getfixturevalue(f"{request.param}_database")
    return url


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker that all tests of the session share: the wheel's, with `make test-kafka` that of Apache Kafka."""
    with running_test_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running.bootstrap


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics and groups that no other test has."""
    return f"test-{uuid4().hex[:12]}"
