"""What stands on the state topic, read from the beginning by a consumer that knows nothing else."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from shared.events import WithholdingChanged, decode
from shared.ids import Key
from shared.kafka import make_consumer
from shared.topics import Topics


@dataclass
class TopicContents:
    """Every version of every key in the order in which it first appeared, and the last state of each."""

    versions: dict[Key, list[int]] = field(default_factory=lambda: defaultdict(list))
    last: dict[Key, WithholdingChanged] = field(default_factory=dict)

    def take(self, change: WithholdingChanged) -> None:
        key = Key(change.jurisdiction, change.target)
        if change.version not in self.versions[key]:
            self.versions[key].append(change.version)
        if change.version >= max(self.versions[key]):
            self.last[key] = change

    @property
    def out_of_order(self) -> int:
        """Keys whose versions are not 1, 2, 3 … in that order."""
        return sum(found != list(range(1, len(found) + 1)) for found in self.versions.values())

    @property
    def withheld(self) -> Counter[str]:
        return Counter(key.jurisdiction for key, change in self.last.items() if change.state == "withheld")

    @property
    def total(self) -> int:
        return sum(map(len, self.versions.values()))


async def read_withholdings(bootstrap: str, topics: Topics) -> TopicContents:
    """Everything on the topic up to its present end."""
    contents = TopicContents()
    consumer = make_consumer(bootstrap, group=None, client_id="demo")
    await consumer.start()
    try:
        partitions = [TopicPartition(topics.withholdings, number) for number in range(topics.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                for record in (record for record in batch if record.value is not None):
                    data = decode(record.value, record.headers).data
                    if isinstance(data, WithholdingChanged):
                        contents.take(data)
    finally:
        await consumer.stop()
    return contents
