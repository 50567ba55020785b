"""The running service on each database, with its broker down and its clock settable."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from shared.clock import set_clock
from tests.support.blocklist import Api, running_api, silence_logs


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    silence_logs()
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock_file(tmp_path: Path) -> Path:
    return tmp_path / "clock.json"


@pytest.fixture
def set_now(clock_file: Path) -> Callable[[str], None]:
    """Moves the service's clock to this time, from which it runs on."""
    return lambda now: set_clock(clock_file, datetime.fromisoformat(now).astimezone(UTC))


@pytest.fixture
async def api(database_url: str, clock_file: Path) -> AsyncIterator[Api]:
    async with running_api(database_url, GEOWITHHOLD_CLOCK_FILE=clock_file) as running:
        yield running


@pytest.fixture
async def sqlite_api(sqlite_database: str) -> AsyncIterator[Api]:
    """For tests of what happens before a database is asked."""
    async with running_api(sqlite_database) as running:
        yield running
