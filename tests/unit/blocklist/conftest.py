from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from shared.db import Database
from tests.support.blocklist import migrated, silence_logs


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    silence_logs()
    yield
    structlog.reset_defaults()


@pytest.fixture
async def database(sqlite_database: str) -> AsyncIterator[Database]:
    """A migrated database in a file."""
    async with migrated(sqlite_database) as opened:
        yield opened
