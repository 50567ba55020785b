"""What is missing of a partition, by its numbers, is fetched from the blocklist, sooner or later.

Promises: every gap is tried again until it is filled or the source says that it has the events no more, with capped backoff; the
time of the next try survives a restart. What a page brings in and the end of the gap are one transaction.
Does not promise: that what was purged from the source comes back. Then an alarm tells, and digests of states bring what counts.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from services.notifier.commands import Commands
from services.notifier.consumer.filling import fill, give_up, partitions_to_fill, range_to_fetch
from services.notifier.consumer.records import Numbered, Partition
from services.notifier.handlers.unit import Unit
from services.notifier.history import EventsPurged, HistoryUnavailable
from services.notifier.store import gaps
from shared.backoff import Backoff
from shared.logs import get_logger
from shared.tasks import pause
from shared.topics import Topics

log = get_logger(__name__)

POLL_SECONDS = 0.25
PER_TURN = 100
"""Pages of one partition, after which others have their turn."""


class EventSource(Protocol):
    """Who published them. Raises HistoryUnavailable when it cannot say, EventsPurged when it has them no more."""

    async def events(self, topic: str, partition: int, *, after: int) -> Sequence[Numbered]:
        """The events numbered from `after` + 1 on, without a hole: some of them, none only if there are none."""
        ...


class Filler:
    def __init__(self, *, commands: Commands, source: EventSource, topics: Topics, backoff: Backoff | None = None) -> None:
        self._commands = commands
        self._source = source
        self._topics = topics
        self._backoff = backoff or Backoff(base=timedelta(milliseconds=500), cap=timedelta(minutes=1))
        self._failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop; the page at hand is finished first."""
        while not stop.is_set():
            await self.run_once(stop)
            await pause(stop, max(POLL_SECONDS, self._wait().total_seconds() if self._failures else 0))

    async def run_once(self, stop: asyncio.Event) -> int:
        """Tries the partitions that are due, until told to stop. Answers how many there were."""
        due = await self._commands.ask(partitions_to_fill)
        for partition in due:
            if stop.is_set():
                break
            await self._try(partition, stop)
        return len(due)

    async def _try(self, partition: Partition, stop: asyncio.Event) -> None:
        place = partition._asdict()
        try:
            await self._fill(partition, stop)
        except HistoryUnavailable as error:
            log.warning("events_unavailable", error=str(error), **place)
        except Exception:  # one partition that cannot be filled must not keep the others from it
            log.exception("gap_not_filled", **place)
        else:
            self._failures = 0
            return
        self._failures += 1
        wait = self._wait()
        await self._commands.run(lambda unit: _postpone(unit, partition, wait))

    async def _fill(self, partition: Partition, stop: asyncio.Event) -> None:
        for _ in range(PER_TURN):
            wanted = await self._commands.ask(lambda unit: range_to_fetch(unit, partition))
            if wanted is None or stop.is_set():
                return
            if not await self._fill_from(partition, wanted.first):
                raise HistoryUnavailable(f"the source has nothing from {wanted.first} on yet")

    async def _fill_from(self, partition: Partition, first: int) -> bool:
        try:
            events = await self._source.events(partition.topic, partition.number, after=first - 1)
        except EventsPurged as purged:
            kept_from = max(purged.first, first + 1)
            await self._commands.run(lambda unit: give_up(unit, partition, kept_from))
            return True
        await self._commands.run(lambda unit: fill(unit, partition, events, self._topics))
        return bool(events)

    def _wait(self) -> timedelta:
        return self._backoff.delay(self._failures, random.uniform(0.5, 1))  # noqa: S311 (jitter)


async def _postpone(unit: Unit, partition: Partition, wait: timedelta) -> None:
    await gaps.postpone(unit.connection, *partition, unit.now + wait)
