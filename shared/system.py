"""What a service knows of itself as a whole, in one row of its database.

Promises: `epoch` never falls. It rises when the database is restored from a backup, so that whoever reads its events can tell
what was published before from what is published after. `partitions` decides where a key lives; None until the first start.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, Column, Integer, MetaData, Table, Text, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Instant
from shared.sql import upsert

FIRST_EPOCH = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    epoch: int = FIRST_EPOCH
    partitions: int | None = None
    epoch_began_at: datetime | None = None
    restored_from: str | None = None


def system_table(metadata: MetaData) -> Table:
    """The table, the same in each service."""
    return Table(
        "system",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("epoch", Integer, nullable=False, server_default=str(FIRST_EPOCH)),
        Column("partitions", Integer),
        Column("epoch_began_at", Instant),
        Column("restored_from", Text),
        CheckConstraint("id = 1", name="one_row"),
        comment="One row: what holds of the database as a whole.",
    )


async def find(connection: AsyncConnection, table: Table) -> System:
    """What is stored; a database that was never restored is in its first epoch."""
    columns = (table.c.epoch, table.c.partitions, table.c.epoch_began_at, table.c.restored_from)
    row = (await connection.execute(select(*columns))).mappings().first()
    return System(**row) if row else System()


async def begin_epoch(connection: AsyncConnection, table: Table, epoch: int, *, at: datetime, restored_from: str) -> None:
    """From now on everything is published under this epoch. The caller knows that it is above all that were."""
    values = {"epoch": epoch, "epoch_began_at": at, "restored_from": restored_from}
    statement = upsert(connection, table).values({"id": 1, **values})
    await connection.execute(statement.on_conflict_do_update(index_elements=[table.c.id], set_=values))


async def store_partitions(connection: AsyncConnection, table: Table, partitions: int) -> None:
    """From now on keys are placed among so many partitions."""
    statement = upsert(connection, table).values({"id": 1, "partitions": partitions})
    await connection.execute(statement.on_conflict_do_update(index_elements=[table.c.id], set_={"partitions": partitions}))
