"""What the publisher does with its clients, which are made by hand here: a broker cannot be told to answer just then."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.events import Record
from shared.outbox.publisher import KafkaPublisher
from shared.outbox.table import Lane
from tests.support.eventually import eventually

ONE, TWO = Lane("t.v1", 0), Lane("t.v1", 1)


@dataclass
class Told:
    offset: int


class FakeBatch:
    def __init__(self, room: int) -> None:
        self._room = room
        self._records = 0

    def append(self, **_record: Any) -> object | None:
        if self._records == self._room:
            return None
        self._records += 1
        return object()

    def record_count(self) -> int:
        return self._records


@dataclass
class FakeProducer:
    """Answers each batch when told to, by its partition."""

    room: int = 10
    answers: dict[int, "asyncio.Future[Told]"] = field(default_factory=dict)
    sent: int = 0
    may_start: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    _sender: None = None

    @property
    def client(self) -> "FakeProducer":
        return self

    async def close(self) -> None:
        """Its connections: the end of one whose batches are not to be sent any more."""
        self.stopped.set()

    async def start(self) -> None:
        await self.may_start.wait()

    async def stop(self) -> None:
        self.stopped.set()

    def create_batch(self) -> FakeBatch:
        return FakeBatch(self.room)

    async def send_batch(self, _batch: FakeBatch, _topic: str, *, partition: int) -> "asyncio.Future[Told]":
        self.sent += 1
        return self.answers.setdefault(partition, asyncio.get_running_loop().create_future())


@dataclass
class Clients:
    """Makes producers that may start at once, and remembers them."""

    slow: bool = False
    made: list[FakeProducer] = field(default_factory=list)

    def __call__(self) -> Any:
        producer = FakeProducer()
        if not self.slow:
            producer.may_start.set()
        self.made.append(producer)
        return producer


def records(count: int) -> list[Record]:
    return [Record(b"k", b"%d" % number, ()) for number in range(count)]


async def sent(clients: Clients, number: int, count: int) -> FakeProducer:
    """That client, once so many batches were given to it."""
    await eventually(lambda: len(clients.made) > number and clients.made[number].sent >= count)
    return clients.made[number]


@pytest.mark.parametrize(("first", "last"), [(0, 2), (41, 43), (-1, None)])
async def test_the_offset_told_is_that_of_the_last_record_if_the_broker_tells_any(first: int, last: int | None) -> None:
    clients = Clients()
    publisher = KafkaPublisher(clients)
    publishing = asyncio.create_task(publisher.publish(ONE, records(3)))
    (await sent(clients, 0, 1)).answers[0].set_result(Told(first))

    assert await publishing == last


async def test_nothing_to_publish_has_no_offset() -> None:
    assert await KafkaPublisher(Clients()).publish(ONE, []) is None


async def test_a_lane_that_fails_takes_the_client_from_no_other_and_it_is_stopped_after_the_last() -> None:
    clients = Clients()
    publisher = KafkaPublisher(clients)
    one = asyncio.create_task(publisher.publish(ONE, records(1)))
    two = asyncio.create_task(publisher.publish(TWO, records(1)))
    first = await sent(clients, 0, 2)

    first.answers[0].set_exception(ConnectionError())
    with pytest.raises(ConnectionError):
        await one
    again = asyncio.create_task(publisher.publish(ONE, records(1)))
    second = await sent(clients, 1, 1)
    still_open = not first.stopped.is_set()
    first.answers[1].set_result(Told(7))
    second.answers[0].set_result(Told(5))

    assert (await two, await again, still_open) == (7, 5, True)
    await asyncio.wait_for(first.stopped.wait(), 5)
    assert not second.stopped.is_set()
    await publisher.discard()
    assert (second.stopped.is_set(), len(clients.made)) == (True, 2)


async def test_two_lanes_that_fail_throw_one_client_away() -> None:
    clients = Clients()
    publisher = KafkaPublisher(clients)
    tasks = [asyncio.create_task(publisher.publish(lane, records(1))) for lane in (ONE, TWO)]
    for answer in (await sent(clients, 0, 2)).answers.values():
        answer.set_exception(TimeoutError())

    failed = await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.wait_for(clients.made[0].stopped.wait(), 5)

    assert [type(error) for error in failed] == [TimeoutError, TimeoutError]
    assert len(clients.made) == 1
    await publisher.discard()


async def test_an_end_does_not_wait_for_a_client_that_has_not_started() -> None:
    clients = Clients(slow=True)
    publisher = KafkaPublisher(clients)
    publishing = asyncio.create_task(publisher.publish(ONE, records(1)))
    await eventually(lambda: clients.made)
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)

    await asyncio.wait_for(publisher.discard(), 5)

    assert clients.made[0].stopped.is_set()


async def test_an_end_without_a_client_is_an_end() -> None:
    await KafkaPublisher(Clients()).discard()
