"""Messages to subscribers: which are due, and what became of a try."""

from collections.abc import Sequence
from uuid import uuid4

from services.notifier.domain.delivery import DIGEST_AT_MOST, Delivery, Message, Outcome, named, tried
from services.notifier.domain.subscription import Subscription, SubscriptionId
from services.notifier.handlers.unit import Unit
from services.notifier.store import deliveries, subscriptions

MESSAGES_AT_ONCE = 20


async def due_subscriptions(unit: Unit) -> list[SubscriptionId]:
    return await deliveries.due(unit.connection, unit.now)


async def due_messages(unit: Unit, id_: SubscriptionId) -> tuple[Subscription | None, Sequence[Message]]:
    """The oldest messages that are due, each with the id and the content of its every try.

    Of a subscription that has ended nothing is due: what came to it in the meantime is given up.
    """
    subscription = await subscriptions.find(unit.connection, id_)
    if subscription is None:
        await deliveries.give_up(unit.connection, id_, "the subscription has ended")
        return None, ()
    untried = await deliveries.untried(unit.connection, id_, DIGEST_AT_MOST)
    for message, together in named(untried, lambda: f"dgs_{uuid4().hex}"):
        await deliveries.put_in(unit.connection, message, together)
    return subscription, await deliveries.messages(unit.connection, id_, unit.now, MESSAGES_AT_ONCE)


async def settle(unit: Unit, message: Message, outcome: Outcome, *, jitter: float, at_most: int) -> Sequence[Delivery]:
    """Records a try. What was ended in the meantime stays as it is."""
    before = await deliveries.locked(unit.connection, message.id)
    after = [tried(delivery, outcome, now=unit.now, jitter=jitter, at_most=at_most) for delivery in before]
    changed = [delivery for delivery in after if isinstance(delivery, Delivery)]
    await deliveries.save(unit.connection, changed)
    return changed
