"""What the relay may expect of a publisher, asked of the fake that its tests use and of the one that talks to a broker."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, NotEnoughReplicasError
from aiokafka.protocol.produce import ProduceRequest

from shared.events import Record
from shared.kafka import BATCH_BYTES, ensure_topics, make_producer
from shared.outbox.publisher import KafkaPublisher, Publisher
from shared.outbox.table import Lane
from shared.topics import Topics
from tests.support.broker import read_topic, running_test_broker
from tests.support.eventually import eventually
from tests.support.fakes import FakePublisher, refuse, take_half_then_time_out, take_then_fail
from tools.broker import answers_kafka

NOBODY_LISTENS = "127.0.0.1:1"


def records(start: int, count: int, *, size: int = 20) -> list[Record]:
    """Numbered records of a few keys, with headers and among them a tombstone for each tenth."""
    return [
        Record(
            f"IN/account:a{number % 3}".encode(),
            None if number % 10 == 9 else f"{number}".rjust(size).encode(),
            (("ce_id", f"{number}".encode()), ("ce_type", b"t")),
        )
        for number in range(start, start + count)
    ]


@dataclass
class Case:
    """A publisher, a lane of its own, and a look at what a reader of the lane gets."""

    publisher: Publisher
    lane: Lane
    read: Callable[[int], Awaitable[list[Record]]]
    fail_next: Callable[[], None]


class Connections:
    """Makes producers that reach the broker, unless the next one is told not to."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.fail_next = False

    def __call__(self) -> AIOKafkaProducer:
        bootstrap, self.fail_next = (NOBODY_LISTENS if self.fail_next else self.bootstrap), False
        return make_producer(bootstrap, client_id="test")


async def real_case(bootstrap: str, prefix: str) -> Case:
    topics = Topics(prefix=prefix, partitions=2)
    await ensure_topics(bootstrap, topics.specs())
    connections = Connections(bootstrap)
    lane = Lane(topics.withholdings, 1)

    async def read(count: int) -> list[Record]:
        found = await read_topic(bootstrap, lane.topic, until=lambda seen: len(seen) >= count)
        assert {record.partition for record in found} <= {lane.partition}
        return [Record(record.key, record.value, tuple(record.headers)) for record in found]

    def fail_next() -> None:
        connections.fail_next = True

    return Case(KafkaPublisher(connections, within=5), lane, read, fail_next)


def fake_case() -> Case:
    publisher, lane = FakePublisher(), Lane("test.withholdings.v1", 1)

    async def read(_count: int) -> list[Record]:
        return list(publisher.topics.get(lane, []))

    return Case(publisher, lane, read, lambda: publisher.script.append(refuse))


@pytest.fixture(params=["fake", pytest.param("kafka", marks=pytest.mark.broker)])
async def case(request: pytest.FixtureRequest, topic_prefix: str) -> AsyncIterator[Case]:
    if request.param == "fake":
        made = fake_case()
    else:
        made = await real_case(request.getfixturevalue("broker"), topic_prefix)
    yield made
    await made.publisher.discard()


async def test_what_was_published_is_on_the_topic_in_order(case: Case) -> None:
    sent = records(0, 50)

    await case.publisher.publish(case.lane, sent)

    assert await case.read(50) == sent


async def test_the_offset_of_the_last_record_is_told(case: Case) -> None:
    offsets = [await case.publisher.publish(case.lane, records(start, count)) for start, count in ((0, 5), (5, 1), (6, 4))]

    assert offsets == [4, 5, 9]


async def test_each_publication_follows_the_one_before(case: Case) -> None:
    first, second = records(0, 5), records(5, 5)

    await case.publisher.publish(case.lane, first)
    await case.publisher.publish(case.lane, second)

    assert await case.read(10) == first + second


async def test_many_records_keep_their_order_over_as_many_batches_as_they_need(case: Case) -> None:
    sent = records(0, 800, size=1000)

    await case.publisher.publish(case.lane, sent)

    assert await case.read(800) == sent


async def test_publishing_nothing_writes_nothing(case: Case) -> None:
    await case.publisher.publish(case.lane, [])
    await case.publisher.publish(case.lane, records(0, 1))

    assert await case.read(1) == records(0, 1)


async def test_a_failure_is_raised_and_after_a_discard_the_same_records_can_be_sent(case: Case) -> None:
    case.fail_next()
    with pytest.raises(Exception, match=r".+"):
        await case.publisher.publish(case.lane, records(0, 3))

    await case.publisher.discard()
    await case.publisher.publish(case.lane, records(0, 3))

    assert await case.read(3) == records(0, 3)


async def test_a_publisher_may_be_discarded_at_any_time_and_used_again(case: Case) -> None:
    await case.publisher.discard()
    await case.publisher.publish(case.lane, records(0, 2))
    await case.publisher.discard()
    await case.publisher.discard()

    await case.publisher.publish(case.lane, records(2, 2))

    assert await case.read(4) == records(0, 4)


async def test_lanes_are_published_side_by_side(case: Case) -> None:
    lanes = [case.lane, Lane(case.lane.topic.replace("withholdings", "directives"), 0)]

    await asyncio.gather(*(case.publisher.publish(lane, records(0, 10)) for lane in lanes))

    assert await case.read(10) == records(0, 10)


async def test_one_failed_start_fails_all_lanes_that_wait_for_it(case: Case) -> None:
    if isinstance(case.publisher, FakePublisher):
        case.fail_next()
    case.fail_next()

    done = await asyncio.gather(*(case.publisher.publish(case.lane, records(0, 1)) for _ in range(2)), return_exceptions=True)

    assert [isinstance(error, Exception) for error in done] == [True, True]


async def test_a_record_larger_than_a_batch_has_a_batch_of_its_own(case: Case) -> None:
    sent = [*records(0, 1), Record(b"IN/account:large", b" " * (BATCH_BYTES + 1), ()), *records(1, 1)]

    await case.publisher.publish(case.lane, sent)

    assert await case.read(3) == sent


@pytest.mark.broker
async def test_a_record_that_the_broker_refuses_is_raised_and_holds_what_comes_after(broker: str, topic_prefix: str) -> None:
    case = await real_case(broker, topic_prefix)
    large = Record(b"IN/account:large", b" " * 8 * BATCH_BYTES, ())

    with pytest.raises(KafkaError):
        await case.publisher.publish(case.lane, [*records(0, 1), large, *records(1, 1)])

    await case.publisher.discard()
    assert await case.read(1) == records(0, 1)


@pytest.mark.broker
async def test_a_broker_that_does_not_answer_is_an_unknown_outcome_and_no_loss(tmp_path: Path, topic_prefix: str) -> None:
    with running_test_broker(tmp_path) as broker:
        case = await real_case(broker.bootstrap, topic_prefix)
        publisher = KafkaPublisher(Connections(broker.bootstrap), within=1)
        await publisher.publish(case.lane, records(0, 2))
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            await eventually(lambda: not answers_kafka(broker.port))
            with pytest.raises(TimeoutError):
                await publisher.publish(case.lane, records(2, 2))
        finally:
            await publisher.discard()
            os.kill(broker.pid, signal.SIGCONT)

        await publisher.publish(case.lane, records(2, 2))

        seen: dict[Any, None] = dict.fromkeys(record.headers for record in await case.read(4))
        assert list(seen) == [record.headers for record in records(0, 4)]
        await publisher.discard()


class Storm:
    """Makes producers that are told, while it blows, that there are too few replicas: they try again by themselves."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.blows = True
        self.made: list[AIOKafkaProducer] = []

    def __call__(self) -> AIOKafkaProducer:
        producer = make_producer(self.bootstrap, client_id="test")
        send = producer.client.send

        async def perhaps(node: int, request: Any, **options: Any) -> Any:
            if self.blows and isinstance(request, ProduceRequest):
                raise NotEnoughReplicasError
            return await send(node, request, **options)

        producer.client.send = perhaps
        self.made.append(producer)
        return producer


@pytest.mark.fault(15)
@pytest.mark.fault(16)
@pytest.mark.broker
async def test_what_a_client_could_not_send_in_time_is_never_sent_by_it(broker: str, topic_prefix: str) -> None:
    case, storm = await real_case(broker, topic_prefix), Storm(broker)
    publisher = KafkaPublisher(storm, within=1, stop_within=1)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await publisher.publish(case.lane, records(0, 1))
    await publisher.discard()
    storm.blows = False

    await publisher.publish(case.lane, records(0, 2))

    assert [producer._sender.sender_task.done() for producer in storm.made] == [True, True, False]
    assert await case.read(2) == records(0, 2)
    await publisher.discard()


@pytest.mark.parametrize(
    ("behaviour", "arrived", "error"),
    [(refuse, 0, ConnectionError), (take_then_fail, 4, ConnectionError), (take_half_then_time_out, 2, TimeoutError)],
)
async def test_the_fake_fails_in_each_way_in_which_a_broker_can(behaviour: Any, arrived: int, error: type[Exception]) -> None:
    case = fake_case()
    assert isinstance(case.publisher, FakePublisher)
    case.publisher.script.append(behaviour)

    with pytest.raises(error):
        await case.publisher.publish(case.lane, records(0, 4))

    assert await case.read(0) == records(0, arrived)
