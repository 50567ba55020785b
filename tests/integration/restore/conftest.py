"""A second PostgreSQL database, for what goes from one to the other, and silence about a broker that is down."""

from collections.abc import Iterator

import pytest
import structlog

from tests.support.blocklist import silence_logs
from tests.support.postgres import Postgres, fresh_database


@pytest.fixture
def other_postgres(postgres_server: Postgres) -> Iterator[str]:
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    silence_logs()
    yield
    structlog.reset_defaults()
