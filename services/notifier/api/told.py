"""What is answered about subscriptions and deliveries."""

from typing import assert_never

from services.notifier.domain.delivery import Delivery
from services.notifier.domain.subscription import EVERYTHING, Channel, Email, Subscription, Webhook
from services.notifier.schemas import ChannelOut, DeliveryOut, EmailOut, SubscriptionOut, WebhookOut


def subscription(found: Subscription, *, secret: str | None = None) -> SubscriptionOut:
    """`secret` is given once, to who has just been subscribed."""
    return SubscriptionOut(
        id=found.id,
        jurisdictions=list(found.requested),
        expanded=list(found.jurisdictions),
        events=EVERYTHING if EVERYTHING in found.events else sorted(found.events),
        channel=_channel(found.channel, secret),
        sealed=found.sealed,
        created_at=found.created_at,
        changed_at=found.changed_at,
    )


def delivery(found: Delivery) -> DeliveryOut:
    return DeliveryOut(**{name: getattr(found, name) for name in DeliveryOut.model_fields})


def _channel(found: Channel, secret: str | None) -> ChannelOut:
    match found:
        case Webhook(url=url):
            return ChannelOut(webhook=WebhookOut(url=url, secret=secret), email=None)
        case Email(to=to):
            return ChannelOut(webhook=None, email=EmailOut(to=to))
        case other:
            assert_never(other)
