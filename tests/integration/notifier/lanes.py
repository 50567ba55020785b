"""The blocklist's side of the lanes: it numbers, publishes, keeps what it published, and says how far it is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from services.notifier.consumer.records import Numbered, Partition
from services.notifier.history import EventsPurged, HistoryUnavailable
from shared.events import CheckpointMade, Payload, Position, Record, placed
from shared.events.chain import BEGINNING, MARK_EVERY, after
from tests.integration.notifier.fakes import TOPICS, WITHHOLDINGS, FakeKafka
from tests.unit.notifier.builders import AT, record, withholding

CHECKPOINTS = Partition(TOPICS.checkpoints, 0)
KEY = "IN/account:a"


def digest_of(records: Sequence[Record]) -> str:
    digest = BEGINNING
    for each in records:
        digest = after(digest, each)
    return digest.hex()


@dataclass(slots=True)
class FakeBlocklistLanes:
    """Answers pages of `per_page`. What is up to `purged` it has no more."""

    kafka: FakeKafka
    kept: dict[Partition, list[Record]] = field(default_factory=dict)
    epoch: int = 1
    per_page: int = 3
    purged: int = 0
    away: bool = False
    asked: list[int] = field(default_factory=list)

    def publish(self, *events: Payload, lost: Collection[int] = (), partition: Partition = WITHHOLDINGS) -> list[Record]:
        """The broker acknowledges all, and loses those with these numbers."""
        kept = self.kept.setdefault(partition, [])
        published = []
        for event in events:
            kept.append(record(event))
            published.append(placed(kept[-1], Position(self.epoch, len(kept))))
            if len(kept) not in lost:
                self.kafka.write(partition, published[-1])
        return published

    def versions(self, count: int, *, lost: Collection[int] = ()) -> None:
        """The next versions of one key, whose numbers are those of the lane."""
        done = len(self.kept.get(WITHHOLDINGS, ()))
        self.publish(*(withholding(version=done + number) for number in range(1, count + 1)), lost=lost)

    def checkpoint(self, partition: Partition = WITHHOLDINGS, *, digest: str | None = None) -> CheckpointMade:
        kept = self.kept.get(partition, [])
        mark = len(kept) // MARK_EVERY * MARK_EVERY
        made = CheckpointMade(
            topic=partition.topic,
            partition=partition.number,
            epoch=self.epoch,
            sequence=len(kept),
            count=len(kept),
            digest=digest_of(kept) if digest is None else digest,
            marked_sequence=mark,
            marked_digest=digest_of(kept[:mark]) if mark else "",
            at=AT,
        )
        self.kafka.write(CHECKPOINTS, made)
        return made

    async def events(self, topic: str, partition: int, *, after: int) -> Sequence[Numbered]:
        self.asked.append(after)
        if self.away:
            raise HistoryUnavailable("away")
        if after < self.purged:
            raise EventsPurged(self.purged + 1)
        kept = self.kept.get(Partition(topic, partition), [])
        page = list(enumerate(kept, 1))[after : after + self.per_page]
        return [Numbered(sequence, found) for sequence, found in page]
