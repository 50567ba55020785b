"""A broker that never lies about what it holds, and has every misfortune on the way there."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from shared.events import Record
from shared.outbox.table import Lane
from tests.simulation.weather import Misfortune, Weather

ROUND_TRIP = 0.05
GIVES_UP_AFTER = 2.0
LATEST_ARRIVAL = 60.0
"""Seconds after which a batch whose sender gave up may still arrive."""


class Broker:
    """`logs` holds each lane's records by their offsets; None stands where one was lost."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self.logs: dict[Lane, list[Record | None]] = defaultdict(list)
        self.ever: dict[Lane, list[Record]] = defaultdict(list)
        """All that ever arrived, also what was lost afterwards."""
        self._under_way: set[asyncio.Task[None]] = set()

    def append(self, lane: Lane, records: Sequence[Record]) -> int:
        """Answers the offset of the last one."""
        self.logs[lane].extend(records)
        self.ever[lane].extend(records)
        return len(self.logs[lane]) - 1

    def end(self, lane: Lane) -> int:
        """The offset after the last record that is still there."""
        return max((offset + 1 for offset, record in enumerate(self.logs[lane]) if record is not None), default=0)

    def arrive_later(self, lane: Lane, records: Sequence[Record]) -> None:
        task = asyncio.create_task(self._arrive(lane, records))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def lose(self, lane: Lane) -> None:
        """Forgets one of the last records that it acknowledged."""
        log = self.logs[lane]
        if log:
            log[self.weather.rng.randrange(max(0, len(log) - 3), len(log))] = None

    async def _arrive(self, lane: Lane, records: Sequence[Record]) -> None:
        await self.weather.some_time(LATEST_ARRIVAL)
        self.append(lane, records)


class SimulatedPublisher:
    """The relay's way to the broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def publish(self, lane: Lane, records: Sequence[Record]) -> int | None:
        """The offset of the last record. Raises as a client would, whatever has arrived."""
        weather = self._broker.weather
        await weather.some_time(ROUND_TRIP)
        if weather.strikes(Misfortune.REFUSED):
            raise ConnectionError("refused")
        if weather.strikes(Misfortune.LATE):
            self._broker.arrive_later(lane, records)
            await asyncio.sleep(GIVES_UP_AFTER)
            raise TimeoutError
        if weather.strikes(Misfortune.HALF):
            self._broker.append(lane, records[: len(records) // 2])
            raise ConnectionError("cut in the middle")
        offset = self._broker.append(lane, records)
        await weather.some_time(ROUND_TRIP)
        if weather.strikes(Misfortune.ACK_LOST):
            await asyncio.sleep(GIVES_UP_AFTER)
            raise TimeoutError
        if weather.strikes(Misfortune.RECORD_LOST):
            self._broker.lose(lane)
        return offset

    async def discard(self) -> None:
        return
