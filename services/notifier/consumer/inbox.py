"""Where batches go: what a consumer needs of whoever gives them their effect."""

from collections.abc import Collection, Sequence
from typing import Protocol, TypeVar

from services.notifier.commands import Handler
from services.notifier.consumer.batch import take
from services.notifier.consumer.records import Consumed, Partition
from services.notifier.handlers.checkpoints import note_read_to_end
from shared.clock import Clock, system_clock
from shared.topics import COMPACTION_LAG, Topics

T = TypeVar("T")


class Inbox(Protocol):
    """Gives each record its effect, once."""

    async def take(self, partition: Partition, batch: Sequence[Consumed]) -> None:
        """The batch's effect is committed, with how far the partition has come, when this returns.

        When it raises, there was none, or nobody knows; then the same batch may be given again, in whole or in part.
        """
        ...

    async def note_read_to_end(self, partitions: Collection[Partition]) -> None:
        """These have no record now that was not taken."""
        ...


class Transactions(Protocol):
    """What the inbox needs of the database: a handler's work is committed when this returns, and not when it raises."""

    async def run(self, handle: Handler[T]) -> T: ...


class StoredInbox:
    """Into the service's database. `wall_clock` is what the age of records is told by."""

    def __init__(self, transactions: Transactions, topics: Topics, *, wall_clock: Clock = system_clock) -> None:
        self._transactions = transactions
        self._topics = topics
        self._wall_clock = wall_clock

    async def take(self, partition: Partition, batch: Sequence[Consumed]) -> None:
        compacted_before = self._wall_clock() - COMPACTION_LAG
        await self._transactions.run(lambda unit: take(unit, partition, batch, self._topics, compacted_before=compacted_before))

    async def note_read_to_end(self, partitions: Collection[Partition]) -> None:
        await self._transactions.run(lambda unit: note_read_to_end(unit, partitions))
