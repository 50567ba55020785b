"""One connection to a database, for work that takes its time."""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from shared.engines import StoreLimits, driver_url, sqlite_file
from shared.postgres import connect

PATIENT = StoreLimits(idle=0)
"""The topics are read in the middle of a transaction."""


def engine_of(url: str) -> AsyncEngine:
    """Each connection is made when it is asked for, and closed after its use."""
    if sqlite_file(url) is not None:
        return create_async_engine(driver_url(url), poolclass=NullPool)
    return create_async_engine(driver_url(url), poolclass=NullPool, async_creator=partial(connect, url, PATIENT))
