"""What a start asks of its database before anything is accepted.

Promises: a fault that somebody has to mend ends the start, all of them named at once. One that may heal, or a database that is
away, does not: the process waits, and `/readyz` says for what.
"""

import asyncio
import sys

import asyncpg
from sqlalchemy.engine import make_url

from shared.engines import StoreLimits, sqlite_file
from shared.logs import get_logger
from shared.postgres import find_faults
from shared.sqlite import explained

log = get_logger(__name__)


def require_fit(url: str, limits: StoreLimits) -> None:
    """Ends the process if the database cannot be trusted, with every reason."""
    if sqlite_file(url) is not None:
        log.info("store", **explained())
        return
    faults = asyncio.run(_faults(url, limits))
    if faults:
        named = make_url(url).render_as_string()
        sys.exit("\n".join([f"The database {named} cannot be trusted with what is accepted:", *faults]))


async def _faults(url: str, limits: StoreLimits) -> list[str]:
    try:
        found = await find_faults(url, limits)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        log.warning("store_away", error=type(error).__name__, reason=str(error))
        return []
    for finding in found:
        log.warning("store_unfit", finding=str(finding), heals=finding.heals)
    return [f"  {finding}" for finding in found if not finding.heals]
