"""An enforcement point on a real broker: it reads everything, applies what concerns it, and reports it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from geowithhold import EnforcementPoint
from shared.events import EnforcementReported, WithholdingChanged, decode, encode
from shared.ids import Key, TargetType
from shared.kafka import ensure_topics
from shared.topics import Topics
from tests.support.broker import read_topic
from tests.support.eventually import eventually
from tests.unit.geowithhold.changes import change

NOW = datetime(2021, 2, 10, tzinfo=UTC)


@pytest.fixture
async def topics(broker: str, topic_prefix: str) -> Topics:
    made = Topics(prefix=topic_prefix)
    await ensure_topics(broker, made.specs())
    return made


async def publish(broker: str, topics: Topics, *changes: WithholdingChanged) -> None:
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        for one in changes:
            key = str(Key(one.jurisdiction, one.target))
            record = encode(one, id=f"{key}@{one.version}", source="/test", subject=key, time=NOW)
            await producer.send_and_wait(topics.withholdings, record.value, key=record.key, headers=list(record.headers))


@asynccontextmanager
async def running(point: EnforcementPoint) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(point.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 15)


async def reports(broker: str, topics: Topics, count: int) -> list[EnforcementReported]:
    def all_there(records: list[Any]) -> bool:
        return len(records) >= count

    records = await read_topic(broker, topics.enforcements, until=all_there)
    decoded = [decode(record.value, record.headers).data for record in records]
    return [data for data in decoded if isinstance(data, EnforcementReported)]


async def test_it_applies_what_was_there_before_it_came_and_reports_it(broker: str, topics: Topics) -> None:
    applied: list[WithholdingChanged] = []
    await publish(broker, topics, change("account:a", 1), change("account:a", 2, "released"), change("hashtag:h", 1))
    point = EnforcementPoint(
        name="search", bootstrap=broker, jurisdictions=["IN"], apply=applied.append, topics=topics, clock=lambda: NOW
    )

    async with running(point):
        await eventually(lambda: point.view.is_withheld("hashtag:h", "IN"))
        told = await reports(broker, topics, 2)

    latest = {str(report.target): report for report in told}
    assert latest["account:a"].version == 2
    assert {report.state for report in told} == {"applied"}
    assert {report.point for report in told} == {"search"}
    assert told[0].at == NOW
    assert {one.target for one in applied} == {"account:a", "hashtag:h"}


async def test_it_leaves_alone_what_is_not_its_own(broker: str, topics: Topics) -> None:
    applied: list[WithholdingChanged] = []
    point = EnforcementPoint(
        name="cdn",
        bootstrap=broker,
        jurisdictions=["EU"],
        target_types=frozenset({TargetType.URL}),
        apply=applied.append,
        topics=topics,
    )
    mine = change("url:https://ex.org/", 1, jurisdiction="DE")

    async with running(point):
        await publish(broker, topics, change("account:a", 1, jurisdiction="DE"), change("url:https://ex.org/", 1), mine)
        await eventually(lambda: applied == [mine])


async def test_what_it_cannot_apply_is_reported_as_failed_and_the_rest_goes_on(broker: str, topics: Topics) -> None:
    def apply(one: WithholdingChanged) -> None:
        if one.target == "account:broken":
            raise RuntimeError("no such shard")

    point = EnforcementPoint(name="timeline", bootstrap=broker, jurisdictions=["XX"], apply=apply, topics=topics)
    await publish(broker, topics, change("account:broken", 1), change("account:fine", 1))

    async with running(point):
        told = {str(report.target): report for report in await reports(broker, topics, 2)}

    assert told["account:broken"].state == "failed"
    assert "no such shard" in (told["account:broken"].detail or "")
    assert told["account:fine"].state == "applied"


async def test_a_tombstone_and_an_unreadable_record_change_nothing(broker: str, topics: Topics) -> None:
    point = EnforcementPoint(name="search", bootstrap=broker, jurisdictions=["IN"], apply=lambda _: None, topics=topics)
    async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
        await producer.send_and_wait(topics.withholdings, None, key=b"IN/account:a")
        await producer.send_and_wait(topics.withholdings, b"garbage", key=b"IN/account:a")
    await publish(broker, topics, change("account:a", 1))

    async with running(point):
        await eventually(lambda: point.view.is_withheld("account:a", "IN"))


class BrokenProducer:
    """As while a broker may not be written to."""

    async def send(self, *_record: object, **_rest: object) -> "asyncio.Future[object]":
        raise KafkaError("not now")


class Batch:
    def __init__(self, *records: object) -> None:
        self._records = records

    async def getmany(self, timeout_ms: int) -> dict[str, tuple[object, ...]]:
        return {"partition": self._records}


async def test_what_was_applied_and_could_not_be_reported_is_reported_by_the_next_run(broker: str, topics: Topics) -> None:
    applied: list[WithholdingChanged] = []
    point = EnforcementPoint(name="search", bootstrap=broker, jurisdictions=["IN"], apply=applied.append, topics=topics)
    await publish(broker, topics, change("account:a", 1))
    read = await read_topic(broker, topics.withholdings, until=bool)
    with pytest.raises(KafkaError):
        await point._turn(Batch(*read), BrokenProducer())

    async with running(point):
        told = await reports(broker, topics, 1)

    assert [(report.target, report.version, report.state) for report in told] == [("account:a", 1, "applied")]
    assert len(applied) == 1
