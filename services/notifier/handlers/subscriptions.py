"""Somebody subscribes, changes what is asked for, or wants no more of it."""

from dataclasses import dataclass, replace
from datetime import datetime

from services.notifier import errors
from services.notifier.domain.delivery import Delivery, NotPossible, asked_again
from services.notifier.domain.subscription import Channel, Email, Subscription, SubscriptionId, Webhook
from services.notifier.handlers.unit import Unit
from services.notifier.store import deliveries, subscriptions
from shared.ids import Jurisdiction


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """What is asked for. A webhook `channel` without a secret keeps the one it has, or takes `new_secret`.

    `sees_sealed` says that whoever asks may see sealed directives.
    """

    id: SubscriptionId
    requested: tuple[str, ...]
    jurisdictions: tuple[Jurisdiction, ...]
    events: frozenset[str]
    channel: Channel
    new_secret: str
    sealed: bool = False
    sees_sealed: bool = True


async def subscribe(unit: Unit, wanted: Subscribe) -> Subscription:
    """Told from now on, by this way. What waits already goes this way, too.

    One that no longer asks for sealed directives keeps nothing of them, so that nobody who may not see them has it sent again.

    Raises Refusal if it is, or is to be, told of sealed directives, and whoever asks may not see them.
    """
    before = await subscriptions.find(unit.connection, wanted.id, lock=True)
    if not wanted.sees_sealed and (wanted.sealed or (before and before.sealed)):
        raise errors.sealed_subscription()
    subscription = Subscription(
        id=wanted.id,
        requested=wanted.requested,
        jurisdictions=wanted.jurisdictions,
        events=wanted.events,
        channel=_with_secret(wanted, before),
        created_at=before.created_at if before else unit.now,
        changed_at=unit.now,
        sealed=wanted.sealed,
    )
    await subscriptions.save(unit.connection, subscription)
    if before and before.sealed and not subscription.sealed:
        await deliveries.forget(unit.connection, wanted.id)
    return subscription


async def unsubscribe(unit: Unit, id_: SubscriptionId, *, sees_sealed: bool = True) -> None:
    """Told no more; what waits is given up. What was sent stays on record, unless it was told of sealed directives.

    Raises Refusal if there is no such subscription.

    Or if it is told of sealed directives, and whoever asks may not see them: its name, and what it was sent, could be taken over.
    """
    found = await find(unit, id_, lock=True)
    if found.sealed and not sees_sealed:
        raise errors.sealed_subscription()
    await subscriptions.remove(unit.connection, id_)
    if found.sealed:
        await deliveries.forget(unit.connection, id_)
    else:
        await deliveries.give_up(unit.connection, id_, "the subscription has ended")


async def redeliver(unit: Unit, of: SubscriptionId, id_: str) -> Delivery:
    """Tries a dead delivery again, and those that were in the same message with it. Raises Refusal for one that is not dead."""
    await find(unit, of)
    wanted = await deliveries.find(unit.connection, of, id_)
    if wanted is None:
        raise errors.unknown_delivery(of, id_)
    again = [_asked_again(delivery, unit.now) for delivery in await _together(unit, wanted)]
    await deliveries.save(unit.connection, again)
    return next(delivery for delivery in again if delivery.id == id_)


async def find(unit: Unit, id_: SubscriptionId, *, lock: bool = False) -> Subscription:
    """Raises Refusal if there is none."""
    subscription = await subscriptions.find(unit.connection, id_, lock=lock)
    if subscription is None:
        raise errors.unknown_subscription(id_)
    return subscription


def _asked_again(delivery: Delivery, now: datetime) -> Delivery:
    after = asked_again(delivery, now)
    if isinstance(after, NotPossible):
        raise errors.cannot_redeliver(after)
    return after


async def _together(unit: Unit, wanted: Delivery) -> list[Delivery]:
    """One that was given up before it was ever tried is in no message, and alone."""
    return await deliveries.locked(unit.connection, wanted.message) if wanted.message else [wanted]


def _with_secret(wanted: Subscribe, before: Subscription | None) -> Channel:
    channel = wanted.channel
    if isinstance(channel, Email) or channel.secret:
        return channel
    kept = before.channel.secret if before and isinstance(before.channel, Webhook) else ""
    return replace(channel, secret=kept or wanted.new_secret)
