"""Stand-ins for what tests cannot wait for, each held to the real thing's behaviour by a contract suite."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.events import Record
from shared.outbox.table import Lane
from shared.steps import Step, reached
from tests.support.builders import NOON

Behaviour = Callable[["FakePublisher", Lane, Sequence[Record]], Awaitable[None]]
"""What the fake does on one call instead of publishing."""


class FakeClock:
    """Stands still until a test moves it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass
class FakePublisher:
    """A broker that never loses what it took. `script` says what each call does instead, in the order of the calls, then nothing.

    `acknowledged` holds the calls that returned: what a relay may mark.
    """

    script: list[Behaviour | None] = field(default_factory=list)
    topics: dict[Lane, list[Record]] = field(default_factory=dict)
    calls: list[tuple[Lane, tuple[Record, ...]]] = field(default_factory=list)
    acknowledged: list[Lane] = field(default_factory=list)
    discards: int = 0

    async def publish(self, lane: Lane, records: Sequence[Record]) -> int | None:
        self.calls.append((lane, tuple(records)))
        behaviour = self.script.pop(0) if self.script else None
        await (behaviour or FakePublisher.take)(self, lane, records)
        reached(Step.BATCH_SENT)
        self.acknowledged.append(lane)
        return len(self.topics[lane]) - 1

    async def discard(self) -> None:
        self.discards += 1

    async def take(self, lane: Lane, records: Sequence[Record]) -> None:
        self.topics.setdefault(lane, []).extend(records)

    def records(self) -> list[Record]:
        return [record for lane in self.topics.values() for record in lane]


async def refuse(_publisher: FakePublisher, _lane: Lane, _records: Sequence[Record]) -> None:
    """Nothing arrives, and the caller hears of it."""
    raise ConnectionError("the broker is away")


async def take_then_fail(publisher: FakePublisher, lane: Lane, records: Sequence[Record]) -> None:
    """Everything arrives, and the acknowledgement is lost."""
    await publisher.take(lane, records)
    raise ConnectionError("the acknowledgement was lost")


async def take_half_then_time_out(publisher: FakePublisher, lane: Lane, records: Sequence[Record]) -> None:
    """The first batch arrives, of the second nobody knows."""
    await publisher.take(lane, records[: len(records) // 2])
    raise TimeoutError


def fail_with(error: Exception) -> Behaviour:
    """Nothing arrives, and this is what the caller hears."""

    async def fail(_publisher: FakePublisher, _lane: Lane, _records: Sequence[Record]) -> None:
        raise error

    return fail


def only_on(topic: str, behaviour: Behaviour) -> Behaviour:
    """Behaves so on one topic, publishes on all others."""

    async def choose(publisher: FakePublisher, lane: Lane, records: Sequence[Record]) -> None:
        await (behaviour if lane.topic == topic else FakePublisher.take)(publisher, lane, records)

    return choose


class Hang:
    """A call that takes what it got, says so, and never answers."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()

    async def __call__(self, publisher: FakePublisher, lane: Lane, records: Sequence[Record]) -> None:
        await publisher.take(lane, records)
        self.reached.set()
        await asyncio.Event().wait()
