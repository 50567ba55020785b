"""Who wants to be told."""

from typing import Any, assert_never

from sqlalchemy import RowMapping, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.subscription import Channel, ChannelKind, Email, Subscription, SubscriptionId, Webhook
from services.notifier.tables import subscriptions
from shared.ids import Jurisdiction
from shared.sql import upsert


async def every(connection: AsyncConnection) -> list[Subscription]:
    """There are few of them: whoever needs those that match reads all."""
    found = await connection.execute(select(*subscriptions.c).order_by(subscriptions.c.id))
    return [_subscription(row) for row in found.mappings()]


async def find(connection: AsyncConnection, id_: SubscriptionId, *, lock: bool = False) -> Subscription | None:
    """With `lock` nobody else changes it until the transaction ends."""
    statement = select(*subscriptions.c).where(subscriptions.c.id == id_)
    row = (await connection.execute(statement.with_for_update() if lock else statement)).mappings().first()
    return _subscription(row) if row else None


async def page(connection: AsyncConnection, *, after: str, limit: int) -> list[Subscription]:
    statement = select(*subscriptions.c).where(subscriptions.c.id > after).order_by(subscriptions.c.id).limit(limit)
    return [_subscription(row) for row in (await connection.execute(statement)).mappings()]


async def save(connection: AsyncConnection, subscription: Subscription) -> None:
    row = _row(subscription)
    changed = {name: value for name, value in row.items() if name not in {"id", "created_at"}}
    statement = upsert(connection, subscriptions).values(row)
    await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))


async def remove(connection: AsyncConnection, id_: SubscriptionId) -> None:
    await connection.execute(delete(subscriptions).where(subscriptions.c.id == id_))


def _row(subscription: Subscription) -> dict[str, Any]:
    return {
        "id": subscription.id,
        "requested": list(subscription.requested),
        "jurisdictions": list(subscription.jurisdictions),
        "events": sorted(subscription.events),
        **_columns(subscription.channel),
        "created_at": subscription.created_at,
        "changed_at": subscription.changed_at,
        "sealed": subscription.sealed,
    }


def _columns(channel: Channel) -> dict[str, str | None]:
    match channel:
        case Webhook(url=url, secret=secret):
            return {"channel": channel.kind.value, "address": url, "secret": secret}
        case Email(to=to):
            return {"channel": channel.kind.value, "address": to, "secret": None}
        case other:
            assert_never(other)


def _channel(row: RowMapping) -> Channel:
    if ChannelKind(row["channel"]) is ChannelKind.WEBHOOK:
        return Webhook(row["address"], row["secret"])
    return Email(row["address"])


def _subscription(row: RowMapping) -> Subscription:
    return Subscription(
        id=SubscriptionId(row["id"]),
        requested=tuple(row["requested"]),
        jurisdictions=tuple(map(Jurisdiction, row["jurisdictions"])),
        events=frozenset(row["events"]),
        channel=_channel(row),
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        sealed=row["sealed"],
    )
