"""How many partitions the topics have is stored with the data that was placed by it.

Promises: a database serves one partition count for ever, the first that a process was started with. With another one a start is
refused, before a key could land elsewhere than its older versions.
Does not promise: to notice what was published by hand.
Would break it: writing an event before the count was compared. `docs/runbooks/change-partition-count.md` is the way to another.
"""

import asyncio
import sys

from sqlalchemy import Table, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database, opened
from shared.http.readiness import Check, Said
from shared.logs import get_logger
from shared.migrations import is_current
from shared.system import find, store_partitions
from shared.topics import Topics

log = get_logger(__name__)

RUNBOOK = "docs/runbooks/change-partition-count.md"
ASKED_WITHIN = 10.0
REPARTITION = "store another partition count, for topics under another prefix, while no process runs"


def require_partitions(url: str, package: str, table: Table, partitions: int) -> None:
    """Stores the count the first time, and ends the process if another one is stored. A database that is away refuses nothing."""
    try:
        stored = asyncio.run(asyncio.wait_for(_claimed(url, package, table, partitions), ASKED_WITHIN))
    except (OSError, DBAPIError, TimeoutError) as error:
        log.warning("partition_count_not_checked", error=repr(error))
        return
    if stored != partitions:
        sys.exit(
            f"GEOWITHHOLD_PARTITIONS is {partitions}, but what is stored was placed in {stored} partitions: with another count "
            f"keys would move, and their order would be lost. Set it to {stored}, or follow {RUNBOOK}."
        )


def placed_as_stored(database: Database, table: Table, partitions: int) -> Check:
    """For a process that started while its database was away: it is not ready with another count than the stored one."""

    async def check() -> Said:
        stored = (await database.look(lambda connection: find(connection, table))).partitions
        if stored in {None, partitions}:
            return Said()
        return Said(ready=False, details={"partitions": f"{partitions} set, {stored} stored"})

    return check


def change_partitions(url: str, package: str, table: Table, outbox: Table, topics: Topics) -> None:
    """Stores another count, for topics of other names. Ends the process with the reason if it cannot.

    What still waits for topics of the old names goes there, as it was placed.
    """
    asyncio.run(_changed(url, package, table, outbox, topics))
    log.info("partition_count_changed", partitions=topics.partitions)


async def _claimed(url: str, package: str, table: Table, partitions: int) -> int:
    async with opened(Database(url)) as database:
        if not await database.read(lambda connection: is_current(connection, package)):
            return partitions
        stored = (await database.read(lambda connection: find(connection, table))).partitions
        if stored is None:
            await database.write(lambda connection: store_partitions(connection, table, partitions))
        return partitions if stored is None else stored


async def _changed(url: str, package: str, table: Table, outbox: Table, topics: Topics) -> None:
    of_same_names = outbox.c.topic.in_([spec.name for spec in topics.specs()])

    async def change(connection: AsyncConnection) -> bool:
        waiting = select(outbox.c.id).where(outbox.c.published_at.is_(None), of_same_names).limit(1)
        if await connection.scalar(waiting) is not None:
            return False
        await store_partitions(connection, table, topics.partitions)
        return True

    async with opened(Database(url)) as database:
        if not await database.read(lambda connection: is_current(connection, package)):
            sys.exit("The database is not at this version: run migrate first.")
        if not await database.write(change):
            sys.exit("Events wait for topics of the same names, placed by the old count: set another GEOWITHHOLD_TOPIC_PREFIX.")
