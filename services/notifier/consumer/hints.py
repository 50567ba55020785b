"""Kafka is told how far each partition has come, while the consumer goes on.

Promises: telling never raises, never waits, and never has more than one request under way; the latest offset of each partition is
told within `EVERY` of the one before it, or once that has timed out. Nothing is under way while partitions move: a commit of the
generation before makes aiokafka join the group anew, and so moves them again.
Does not promise: that Kafka takes it. aiokafka tries a commit again for ever when the broker says that it may; so each is given
up after `WITHIN` seconds.
"""

import asyncio
from typing import Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.notifier.consumer.records import Partition
from shared.logs import get_logger
from shared.tasks import pause

log = get_logger(__name__)

EVERY = 0.5
WITHIN = 5.0
AT_END = 1.0
"""Seconds that what is under way gets when partitions move, or the consumer ends."""


class Committing(Protocol):
    async def commit(self, offsets: dict[TopicPartition, int]) -> None: ...


class Hints:
    def __init__(self, consumer: Committing, *, within: float = WITHIN, every: float = EVERY) -> None:
        self._consumer = consumer
        self._within = within
        self._every = every
        self._waiting: dict[TopicPartition, int] = {}
        self._telling: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()

    def give(self, partition: Partition, next_offset: int) -> None:
        self._waiting[TopicPartition(*partition)] = next_offset
        if self._telling is None or self._telling.done():
            self._ending.clear()
            self._telling = asyncio.create_task(self._tell())

    async def finish(self) -> None:
        """What waits is told at once and gets a moment; then nothing is under way until more is given."""
        self._ending.set()
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=AT_END)
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        self._waiting.clear()

    async def _tell(self) -> None:
        while self._waiting:
            told, self._waiting = self._waiting, {}
            try:
                await asyncio.wait_for(self._consumer.commit(told), self._within)
            except (KafkaError, TimeoutError) as error:
                log.debug("hint_not_taken", error=repr(error))
            await pause(self._ending, self._every)
