"""From Kafka to the database: each record takes effect exactly once."""

from services.notifier.consumer.inbox import Inbox, StoredInbox
from services.notifier.consumer.kafka import KafkaSource, connected
from services.notifier.consumer.loop import Consumer, RecordSource, Turn
from services.notifier.consumer.positions import StoredPositions
from services.notifier.consumer.records import Consumed, Partition, topics_read
from services.notifier.consumer.watchdog import Stalled

__all__ = [
    "Consumed",
    "Consumer",
    "Inbox",
    "KafkaSource",
    "Partition",
    "RecordSource",
    "Stalled",
    "StoredInbox",
    "StoredPositions",
    "Turn",
    "connected",
    "topics_read",
]
