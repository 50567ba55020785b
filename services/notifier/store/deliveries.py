"""What is to be told to subscribers, what was, and what could not be.

Promises: the rows of one message are given out together and change together, so that every try of it has the same content.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import RowMapping, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.delivery import Delivery, DeliveryState, Message
from services.notifier.domain.subscription import SubscriptionId
from services.notifier.tables import deliveries, unfinished

_TRIED = ("state", "attempts", "next_at", "sent_at", "error")


@dataclass(frozen=True, slots=True)
class Queued:
    """A finding for a subscriber: its id, its type, and its JSON."""

    subscription: SubscriptionId
    event: str
    type: str
    body: bytes


async def add(connection: AsyncConnection, found: Sequence[Queued], at: datetime) -> None:
    """Queues deliveries, to be tried from now on."""
    rows = [
        {
            "id": f"dlv_{uuid4().hex}",
            "subscription": each.subscription,
            "event": each.event,
            "type": each.type,
            "body": each.body,
            "state": DeliveryState.WAITING,
            "attempts": 0,
            "created_at": at,
            "next_at": at,
        }
        for each in found
    ]
    if rows:
        await connection.execute(insert(deliveries), rows)


async def due(connection: AsyncConnection, now: datetime) -> list[SubscriptionId]:
    """The subscriptions that have something to be tried by now."""
    statement = select(deliveries.c.subscription).where(unfinished, deliveries.c.next_at <= now).distinct()
    return [SubscriptionId(id_) for id_ in (await connection.execute(statement)).scalars()]


async def untried(connection: AsyncConnection, of: SubscriptionId, limit: int) -> list[Delivery]:
    """Deliveries that are in no message yet, the oldest first; the caller puts them in one."""
    statement = select(*deliveries.c).where(unfinished, deliveries.c.subscription == of, deliveries.c.message.is_(None))
    return await _deliveries(connection, statement.order_by(deliveries.c.seq).limit(limit))


async def put_in(connection: AsyncConnection, message: str, together: Sequence[Delivery]) -> None:
    """From now on these are that message, but for those that somebody else has put in one meanwhile."""
    named = deliveries.c.seq.in_([delivery.seq for delivery in together])
    statement = update(deliveries).where(named, deliveries.c.message.is_(None))
    await connection.execute(statement.values(message=message))


async def messages(connection: AsyncConnection, of: SubscriptionId, now: datetime, limit: int) -> list[Message]:
    """The messages that are due for a try, whole, the oldest first."""
    first = (
        select(deliveries.c.message)
        .where(unfinished, deliveries.c.subscription == of, deliveries.c.next_at <= now, deliveries.c.message.is_not(None))
        .group_by(deliveries.c.message)
        .order_by(func.min(deliveries.c.seq))
        .limit(limit)
    )
    return await _messages(connection, list((await connection.execute(first)).scalars()))


async def locked(connection: AsyncConnection, message: str) -> list[Delivery]:
    """The deliveries of a message, which nobody else changes until the transaction ends."""
    statement = select(*deliveries.c).where(deliveries.c.message == message).order_by(deliveries.c.seq).with_for_update()
    return await _deliveries(connection, statement)


async def find(connection: AsyncConnection, of: SubscriptionId, id_: str) -> Delivery | None:
    statement = select(*deliveries.c).where(deliveries.c.id == id_, deliveries.c.subscription == of)
    return next(iter(await _deliveries(connection, statement)), None)


async def page(
    connection: AsyncConnection, of: SubscriptionId, *, state: DeliveryState | None, before: int, limit: int
) -> list[Delivery]:
    """The newest first."""
    statement = select(*deliveries.c).where(deliveries.c.subscription == of, deliveries.c.seq < before)
    if state is not None:
        statement = statement.where(deliveries.c.state == state)
    return await _deliveries(connection, statement.order_by(deliveries.c.seq.desc()).limit(limit))


async def save(connection: AsyncConnection, changed: Sequence[Delivery]) -> None:
    """Stores what a try, or somebody's wish, has made of deliveries."""
    if not changed:
        return
    values = {name: bindparam(f"new_{name}", type_=deliveries.c[name].type) for name in _TRIED}
    rows = [{"of_seq": delivery.seq} | {f"new_{name}": getattr(delivery, name) for name in _TRIED} for delivery in changed]
    await connection.execute(update(deliveries).where(deliveries.c.seq == bindparam("of_seq")).values(values), rows)


async def give_up(connection: AsyncConnection, of: SubscriptionId, reason: str) -> None:
    """Nothing that waits for this subscriber is tried any more."""
    statement = update(deliveries).where(unfinished, deliveries.c.subscription == of)
    await connection.execute(statement.values(state=DeliveryState.DEAD.value, next_at=None, error=reason))


async def forget(connection: AsyncConnection, of: SubscriptionId) -> None:
    """Nothing that this subscriber was, or was to be, sent stays on record."""
    await connection.execute(delete(deliveries).where(deliveries.c.subscription == of))


async def count_unfinished(connection: AsyncConnection) -> int:
    statement = select(func.count()).select_from(deliveries).where(unfinished)
    return int((await connection.execute(statement)).scalar_one())


async def _messages(connection: AsyncConnection, ids: Sequence[str]) -> list[Message]:
    statement = select(*deliveries.c).where(deliveries.c.message.in_(ids)).order_by(deliveries.c.seq)
    found = await _deliveries(connection, statement)
    return [Message(id_, tuple(delivery for delivery in found if delivery.message == id_)) for id_ in ids]


async def _deliveries(connection: AsyncConnection, statement: Select[Any]) -> list[Delivery]:
    return [_delivery(row) for row in (await connection.execute(statement)).mappings()]


def _delivery(row: RowMapping) -> Delivery:
    return Delivery(
        seq=row["seq"],
        id=row["id"],
        subscription=SubscriptionId(row["subscription"]),
        event=row["event"],
        type=row["type"],
        body=row["body"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        message=row["message"],
        created_at=row["created_at"],
        next_at=row["next_at"],
        sent_at=row["sent_at"],
        error=row["error"],
    )
