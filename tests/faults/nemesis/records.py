"""Faults of the records themselves: some come twice, some come late and in the wrong order, some are garbage.

What is written is remembered by its place, so that the checker can tell it from what the product wrote.
"""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import httpx2
from aiokafka import AIOKafkaProducer, TopicPartition

from shared.kafka import make_consumer, make_producer, stop_quietly
from tests.faults.nemesis.base import Fault, Scene, until
from tests.faults.process import Plan, ask, was_done, withdraw

WITHIN = 8.0
SWALLOWED_WITHIN = 10.0
WHOLE_PARTITION = 0.05


async def repeat(scene: Scene, chance: Random) -> bool:
    """What is newest comes once more."""
    return await _again(scene, chance, back=30, backwards=False)


async def reorder(scene: Scene, chance: Random) -> bool:
    """Something old comes once more, the newest first: older versions after newer ones."""
    return await _again(scene, chance, back=2000, backwards=True)


async def _again(scene: Scene, chance: Random, *, back: int, backwards: bool) -> bool:
    topics = scene.world.topics
    topic = chance.choice((topics.withholdings, topics.withholdings, topics.directives, topics.enforcements))
    place = TopicPartition(topic, chance.randrange(topics.partitions))
    count = chance.randint(1, 30)
    found = await _read(scene, place, back, count)
    records = [(record.key, record.value, list(record.headers)) for record in (reversed(found) if backwards else found)]
    return bool(await _write(scene, place, records))


async def garbage(scene: Scene, chance: Random) -> bool:
    """Bytes that are no event, for nobody's key or for somebody's."""
    topics = scene.world.topics
    topic = chance.choice((topics.withholdings, topics.directives, topics.enforcements))
    place = TopicPartition(topic, chance.randrange(topics.partitions))
    key: bytes = b"XX/account:nobody_%d" % chance.randrange(1000)
    if chance.random() < 0.5:
        found = await _read(scene, place, 100, 1)
        key = found[0].key if found else key
    value = chance.choice((chance.randbytes(40), b"{}", b'{"target": 7}', b""))
    written = await _write(scene, place, [(key, value, [("ce_type", b"org.geowithhold.nonsense.v9")])])
    scene.garbage |= {(topic, place.partition, offset) for offset in written}
    return bool(written)


async def _read(scene: Scene, place: TopicPartition, back: int, count: int) -> Sequence[Any]:
    """So many records that lie this far back."""
    consumer = make_consumer(scene.world.broker.bootstrap, group=None, client_id="nemesis")
    try:
        await asyncio.wait_for(consumer.start(), WITHIN)
        consumer.assign([place])
        end = (await asyncio.wait_for(consumer.end_offsets([place]), WITHIN))[place]
        consumer.seek(place, max(0, end - back))
        batches = await consumer.getmany(timeout_ms=1500, max_records=count)
        return list(batches.get(place, ()))
    finally:
        await stop_quietly(consumer, within=2.0)


async def _write(scene: Scene, place: TopicPartition, records: Sequence[tuple[Any, Any, Any]]) -> list[int]:
    """Answers the offsets. Not idempotent: each record is sent once and acknowledged, or it fails the whole run's evidence."""
    producer: AIOKafkaProducer = make_producer(scene.world.broker.bootstrap, client_id="nemesis")
    offsets: list[int] = []
    try:
        await asyncio.wait_for(producer.start(), WITHIN)
        for key, value, headers in records:
            sent = await producer.send(place.topic, value, key=key, headers=headers, partition=place.partition)
            offsets.append((await asyncio.wait_for(sent, 60)).offset)
            scene.written.add((place.topic, place.partition, offsets[-1]))
    finally:
        await stop_quietly(producer, within=2.0)
    return offsets


async def swallow(scene: Scene, chance: Random) -> bool:
    """A batch that the relay takes to be acknowledged, and that no broker ever got: it is for readers to find out.

    Of the cases' topic: whoever reads the states from Kafka alone, as points do, could not know.
    """
    world = scene.world
    name = chance.choice(world.planned("relay"))
    scene.plans += 1
    plan = Plan(id=f"{scene.plans}-{name}-swallow", step=world.topics.directives, nth=chance.randint(1, 5), action="swallow")
    ask(world.plans, name, plan)
    await until(lambda: was_done(world.plans, plan), SWALLOWED_WITHIN)
    withdraw(world.plans, name)
    return was_done(world.plans, plan)


async def replay(scene: Scene, chance: Random) -> bool:
    """An operator has a key, a directive or a partition published again, while everything goes on."""
    topics = scene.world.topics
    topic = chance.choice((topics.withholdings, topics.directives))
    place = TopicPartition(topic, chance.randrange(topics.partitions))
    found = await _read(scene, place, 500, 1)
    if not found:
        return False
    body: dict[str, object] = {"key" if topic == topics.withholdings else "directive": found[0].key.decode()}
    if chance.random() < WHOLE_PARTITION:
        body = {"topic": topic, "partition": place.partition}
    async with httpx2.AsyncClient(timeout=WITHIN) as http:
        answer = await http.post(f"{chance.choice(scene.world.api_urls)}/v1/admin/replays", json=body)
    return answer.status_code == httpx2.codes.ACCEPTED


FAULTS = (
    Fault("records repeated", repeat, 5),
    Fault("records reordered", reorder, 5),
    Fault("garbage", garbage, 4),
    Fault("batch lost by the broker", swallow, 4),
    Fault("replay", replay, 3),
)
