"""The topics: their names, and how each must be kept (design: Kafka contract)."""

from dataclasses import dataclass
from datetime import timedelta

from aiokafka.partitioner import murmur2

DAY_MS = 24 * 60 * 60 * 1000

COMPACTION_LAG = timedelta(days=7)
"""As long as that, nothing of a compacted topic is compacted away."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    name: str
    partitions: int
    replication: int
    config: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Names and partition count of every topic. All have the same count, so that one figure decides where a key lives."""

    prefix: str = "geowithhold"
    partitions: int = 6
    replication: int = 1

    @property
    def withholdings(self) -> str:
        """Compacted: the last record of a key is the key's present state. Read by anyone."""
        return f"{self.prefix}.withholdings.v1"

    @property
    def directives(self) -> str:
        """Case events, keyed by directive id. Restricted: orders may be sealed."""
        return f"{self.prefix}.directives.v1"

    @property
    def enforcements(self) -> str:
        """What enforcement points report, keyed like withholdings."""
        return f"{self.prefix}.enforcements.v1"

    @property
    def compliance(self) -> str:
        """What the notifier found, keyed by directive id or like withholdings."""
        return f"{self.prefix}.compliance.v1"

    @property
    def checkpoints(self) -> str:
        """How far each lane goes, keyed by its partition's number; what a jurisdiction's state comes to, by its code."""
        return f"{self.prefix}.checkpoints.v1"

    @property
    def published(self) -> tuple[str, ...]:
        """What the blocklist publishes."""
        return self.withholdings, self.directives

    @property
    def notifier_group(self) -> str:
        """The group in which notifiers share the partitions."""
        return f"{self.prefix}-notifier"

    def specs(self) -> tuple[TopicSpec, ...]:
        return (
            self._spec(
                self.withholdings, {"cleanup.policy": "compact", "min.compaction.lag.ms": str(COMPACTION_LAG.days * DAY_MS)}
            ),
            self._spec(self.directives, {"cleanup.policy": "delete", "retention.ms": str(365 * DAY_MS)}),
            self._spec(self.enforcements, {"cleanup.policy": "delete", "retention.ms": str(30 * DAY_MS)}),
            self._spec(self.compliance, {"cleanup.policy": "delete", "retention.ms": str(365 * DAY_MS)}),
            self._spec(self.checkpoints, {"cleanup.policy": "delete", "retention.ms": str(30 * DAY_MS)}),
        )

    def _spec(self, name: str, config: dict[str, str]) -> TopicSpec:
        in_sync = {"min.insync.replicas": str(max(1, self.replication - 1))}
        return TopicSpec(name, self.partitions, self.replication, config | in_sync)

    def partition_of(self, key: str) -> int:
        """Where Kafka's default partitioner puts this key, so that any client can compute it."""
        return int((murmur2(key.encode()) & 0x7FFFFFFF) % self.partitions)
