"""From Kafka to the database: each record takes effect exactly once."""

from services.notifier.consumer.kafka import KafkaSource, connected
from services.notifier.consumer.loop import Consumer, RecordSource, Turn
from services.notifier.consumer.positions import StoredPositions
from services.notifier.consumer.records import Consumed, Partition

__all__ = ["Consumed", "Consumer", "KafkaSource", "Partition", "RecordSource", "StoredPositions", "Turn", "connected"]
