"""The instruments of deliveries, on an injected registry."""

from prometheus_client import CollectorRegistry, Counter

from services.notifier.domain.delivery import DeliveryState
from services.notifier.domain.subscription import ChannelKind

_OUTCOMES = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.DEAD)


class DeliveryMetrics:
    """What came of tries to tell subscribers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tries = Counter(
            "geowithhold_deliveries",
            "Events whose delivery to a subscriber was tried, by what came of it.",
            ["channel", "outcome"],
            registry=registry,
        )
        for channel in ChannelKind:
            for outcome in _OUTCOMES:
                self._tries.labels(channel, outcome)

    def count(self, channel: ChannelKind, outcome: DeliveryState) -> None:
        self._tries.labels(channel, outcome).inc()
