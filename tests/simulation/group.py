"""A consumer group whose partitions move whenever they like, and deliver records again whenever they like."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from services.notifier.consumer.records import Consumed, Partition
from shared.outbox.table import Lane
from tests.simulation.broker import Broker
from tests.simulation.loop import BEGINNING
from tests.simulation.process import Process
from tests.simulation.weather import Misfortune

POLL = 0.2
RECORDS = 20

Positions = Callable[[Partition], int]
"""Where the database says that a partition goes on."""


class Group:
    """Each partition belongs to one member; `moves` counts how often they were dealt out anew."""

    def __init__(self, broker: Broker, partitions: Sequence[Partition], positions: Positions) -> None:
        self.broker = broker
        self.positions = positions
        self.moves = 0
        self._partitions = partitions
        self._members: list[Member] = []

    @asynccontextmanager
    async def joined(self, process: Process) -> AsyncIterator["Member"]:
        """A member of the group, as long as the block lasts."""
        member = Member(self, process)
        self._members.append(member)
        self.deal()
        try:
            yield member
        finally:
            self._members.remove(member)
            self.deal()

    def deal(self) -> None:
        """Deals the partitions out. What a member has polled of one that it loses stays in its hands: it does not know yet."""
        self.moves += 1
        order = self.broker.weather.rng.sample(self._members, len(self._members))
        for number, member in enumerate(order):
            member.take_over(self._partitions[number :: len(order)])


class Member:
    """What a consumer polls from."""

    def __init__(self, group: Group, process: Process) -> None:
        self._group = group
        self._process = process
        self._stalls = group.broker.weather.strikes(Misfortune.STALLED)
        self._next: dict[Partition, int] = {}
        self._held: set[Partition] = set()
        self.assigned = True

    def take_over(self, partitions: Sequence[Partition]) -> None:
        self._next = {partition: self._group.positions(partition) for partition in partitions}
        self._held.clear()

    async def poll(self) -> Mapping[Partition, Sequence[Consumed]]:
        weather = self._group.broker.weather
        await self._process.breathe()
        await weather.some_time(POLL)
        if self._stalls:
            return {}
        found = {partition: batch for partition in list(self._next) if (batch := self._batch(partition))}
        if weather.strikes(Misfortune.REBALANCED):
            self._group.deal()
        await self._process.breathe()
        return found

    def hold(self, partition: Partition, offset: int) -> None:
        if partition in self._next:
            self._next[partition] = offset
            self._held.add(partition)

    def resume(self, partition: Partition) -> None:
        self._held.discard(partition)

    async def hint(self, partition: Partition, next_offset: int) -> None:
        return

    async def look(self) -> bool:
        return True

    def behind(self) -> frozenset[Partition]:
        logs = self._group.broker.logs
        return frozenset(partition for partition, offset in self._next.items() if offset < len(logs[Lane(*partition)]))

    def at_end(self) -> frozenset[Partition]:
        return frozenset() if self._stalls else frozenset(self._next) - self.behind()

    def _batch(self, partition: Partition) -> list[Consumed]:
        if partition in self._held:
            return []
        log, begin = self._group.broker.logs[Lane(*partition)], self._next[partition]
        if begin and self._group.broker.weather.strikes(Misfortune.REDELIVERED):
            begin = self._group.broker.weather.rng.randrange(begin)
        end = min(len(log), begin + RECORDS)
        self._next[partition] = max(end, self._next[partition])
        at = BEGINNING + timedelta(seconds=begin)
        return [Consumed(offset, at, record) for offset, record in enumerate(log[begin:end], begin) if record is not None]
