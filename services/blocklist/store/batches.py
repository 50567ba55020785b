"""Batches: what each write did, kept under its name."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.batch import BatchId, BatchKind, OpenBatch, Reach
from services.blocklist.domain.limits import Made
from services.blocklist.store.rows import Row, fetch_all, fetch_first
from services.blocklist.tables import batches
from shared.sql import upsert


async def add(connection: AsyncConnection, batch: OpenBatch, at: datetime, *, withholdings_changed: int) -> None:
    await connection.execute(insert(batches).values(_values(batch, at) | {"withholdings_changed": withholdings_changed}))


async def is_taken(connection: AsyncConnection, batch: OpenBatch, at: datetime) -> bool:
    """Whether a batch of this name is stored. Waits for whoever is about to store one. Takes the name if nobody has."""
    values = _values(batch, at) | {"withholdings_changed": 0}
    statement = upsert(connection, batches).values(values).on_conflict_do_nothing(index_elements=["id"])
    return (await connection.execute(statement.returning(batches.c.id))).first() is None


def _values(batch: OpenBatch, at: datetime) -> dict[str, Any]:
    reach = batch.reach
    return {
        "id": batch.id,
        "kind": batch.kind,
        "at": at,
        "memo": batch.memo,
        "approvers": list(batch.approvers),
        "undoes": batch.undoes,
        "directives": sorted(batch.changes),
        "sealed": batch.sealed,
        "items": reach.items,
        "blocked": reach.blocked,
        "released": reach.released,
    }


async def find(connection: AsyncConnection, id_: BatchId, *, sealed: bool = True) -> Row | None:
    """The batch; one about a sealed directive only if `sealed` ones are asked for."""
    return await fetch_first(connection, _seen(select(*batches.c).where(batches.c.id == id_), sealed=sealed))


async def undone_by(connection: AsyncConnection, id_: BatchId) -> list[BatchId]:
    """The batches that took something of this one back, in their order."""
    found = await connection.execute(select(batches.c.id).where(batches.c.undoes == id_).order_by(batches.c.seq))
    return list(found.scalars())


async def page(connection: AsyncConnection, *, kind: BatchKind | None, sealed: bool, after: int, limit: int) -> list[Row]:
    """Batches in the order in which they were made."""
    statement = _seen(select(*batches.c).where(batches.c.seq > after).order_by(batches.c.seq).limit(limit), sealed=sealed)
    return await fetch_all(connection, statement if kind is None else statement.where(batches.c.kind == kind))


def _seen(statement: Select[Any], *, sealed: bool) -> Select[Any]:
    return statement if sealed else statement.where(batches.c.sealed.is_(False))


async def since(connection: AsyncConnection, start: datetime, kinds: Collection[BatchKind]) -> list[Made]:
    """Batches of these kinds made after the start."""
    columns = (batches.c.at, batches.c["items"], batches.c.blocked, batches.c.released)
    found = await connection.execute(select(*columns).where(batches.c.at > start, batches.c.kind.in_(kinds)))
    return [Made(at, Reach(*counts)) for at, *counts in found]
