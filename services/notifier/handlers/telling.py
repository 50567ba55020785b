"""What was found is told in the transaction in which it was found: nothing that is not so, and nothing is kept back.

What names a sealed directive goes to the topic, and of the subscribers to those alone who asked for that.
"""

from collections.abc import Sequence

from services.notifier.domain.subscription import Subscription
from services.notifier.handlers.unit import Unit
from services.notifier.outbound import Told, body_of, places_of, told, type_of
from services.notifier.outbox import append_findings
from services.notifier.store import deliveries, subscriptions
from services.notifier.store.deliveries import Queued
from shared.topics import Topics


async def tell(unit: Unit, topics: Topics) -> None:
    """Queues, for each fact that has an event, that event, and a delivery to each who wants it. Called once, at the end."""
    found = told(unit.found, unit.now)
    if not found:
        return
    await append_findings(unit.connection, topics, found, unit.now)
    subscribed = await subscriptions.every(unit.connection)
    await deliveries.add(unit.connection, [queued for each in found for queued in _wanted(each, subscribed)], unit.now)


def _wanted(each: Told, subscribed: Sequence[Subscription]) -> list[Queued]:
    kind, places = type_of(each.finding), places_of(each.finding)
    wanting = [subscription for subscription in subscribed if subscription.wants(kind, places, sealed=each.sealed)]
    if not wanting:
        return []
    body = body_of(each)
    return [Queued(subscription.id, each.id, kind, body) for subscription in wanting]
