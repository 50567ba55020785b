"""Batches: what each write did, kept under its name."""

from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.batch import OpenBatch
from services.blocklist.tables import batches


async def add(connection: AsyncConnection, batch: OpenBatch, at: datetime, *, withholdings_changed: int) -> None:
    reach = batch.reach
    await connection.execute(
        insert(batches).values(
            id=batch.id,
            kind=batch.kind,
            at=at,
            memo=batch.memo,
            approvers=list(batch.approvers),
            undoes=batch.undoes,
            directives=sorted(batch.changes),
            items=reach.items,
            blocked=reach.blocked,
            released=reach.released,
            withholdings_changed=withholdings_changed,
        )
    )
