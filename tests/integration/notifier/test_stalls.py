"""A consumer to which nothing comes is built anew, and nothing else is done about it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.notifier.consumer import Consumed, Consumer, KafkaSource, Partition, Stalled, StoredInbox, connected, topics_read
from services.notifier.consumer.hints import Hints
from services.notifier.consumer.positions import StoredPositions
from services.notifier.settings import NotifierSettings
from shared.tasks import running
from tests.integration.notifier.fakes import TOPICS, WITHHOLDINGS
from tests.integration.notifier.world import World
from tests.support.broker import produce
from tests.support.eventually import eventually
from tests.unit.notifier.builders import record, withholding


class Hand:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class SilentSource:
    """Nothing ever comes from it, however much there is."""

    assigned = True

    def __init__(self, *, behind: bool = False, look: Callable[[], bool] | None = None) -> None:
        self._behind = frozenset({WITHHOLDINGS}) if behind else frozenset()
        self._look = look

    async def poll(self) -> Mapping[Partition, Sequence[Consumed]]:
        return {}

    async def look(self) -> bool:
        if self._look is None:
            await asyncio.Event().wait()
            raise AssertionError
        return self._look()

    def behind(self) -> frozenset[Partition]:
        return self._behind

    def at_end(self) -> frozenset[Partition]:
        return frozenset()

    def hold(self, partition: Partition, offset: int) -> None: ...

    def resume(self, partition: Partition) -> None: ...

    async def hint(self, partition: Partition, next_offset: int) -> None: ...


class StuckSource(SilentSource):
    async def poll(self) -> Mapping[Partition, Sequence[Consumed]]:
        await asyncio.Event().wait()
        raise AssertionError


class NoInbox:
    async def take(self, partition: Partition, batch: Sequence[Consumed]) -> None: ...

    async def note_read_to_end(self, partitions: Collection[Partition]) -> None: ...


def consumer(source: SilentSource, hand: Hand, *, seconds: float = 30, stalled: Callable[[], None] = lambda: None) -> Consumer:
    @asynccontextmanager
    async def connect() -> AsyncIterator[SilentSource]:
        yield source

    return Consumer(
        connect=connect,
        inbox=NoInbox(),
        topics=topics_read(TOPICS),
        monotonic=hand,
        stall_seconds=seconds,
        stalled=stalled,
    )


async def turns(source: SilentSource, *, seconds: int) -> None:
    hand = Hand()
    one = consumer(source, hand)
    for _ in range(seconds):
        await one.run_once(source)
        hand.now += 1


@pytest.mark.fault(24)
async def test_nothing_comes_although_there_is_more() -> None:
    source = SilentSource(behind=True, look=lambda: True)

    await turns(source, seconds=30)
    with pytest.raises(Stalled):
        await turns(source, seconds=32)


@pytest.mark.fault(24)
async def test_nothing_comes_and_the_broker_does_not_say_whether_there_is_more() -> None:
    with pytest.raises(Stalled):
        await turns(SilentSource(look=lambda: False), seconds=60)


async def test_where_nothing_is_to_come_nothing_is_waited_for() -> None:
    await turns(SilentSource(look=lambda: True), seconds=300)


async def test_a_group_may_take_minutes_to_hand_out_partitions_and_not_for_ever() -> None:
    source = SilentSource(behind=True, look=lambda: False)
    source.assigned = False

    await turns(source, seconds=300)
    with pytest.raises(Stalled):
        await turns(source, seconds=600)


@pytest.mark.fault(24)
async def test_a_poll_that_does_not_end_is_given_up() -> None:
    with pytest.raises(Stalled):
        await consumer(StuckSource(), Hand(), seconds=0.05).run_once(StuckSource())


async def test_a_broker_that_does_not_answer_the_question_does_not_say() -> None:
    hand = Hand()
    source = SilentSource()
    one = consumer(source, hand, seconds=0.03)
    hand.now += 1
    await one.run_once(source)
    hand.now += 1

    with pytest.raises(Stalled):
        await one.run_once(source)


async def test_a_stall_is_counted_and_ends_the_consumer() -> None:
    counted: list[int] = []
    one = consumer(StuckSource(), Hand(), seconds=0.05, stalled=lambda: counted.append(1))

    with pytest.raises(Stalled):
        await one.run(asyncio.Event())

    assert counted == [1]
    assert not one.assigned


@pytest.mark.broker
@pytest.mark.fault(24)
async def test_a_client_that_has_stopped_fetching_in_silence_is_replaced(
    sqlite_world: World, broker: str, topic_prefix: str
) -> None:
    settings = NotifierSettings.model_validate(
        {
            "KAFKA_BOOTSTRAP_SERVERS": broker,
            "GEOWITHHOLD_TOPIC_PREFIX": topic_prefix,
            "GEOWITHHOLD_PARTITIONS": 1,
            "NOTIFIER_INSTANCE": "test",
        }
    )
    sources: list[KafkaSource] = []
    counted: list[int] = []

    @asynccontextmanager
    async def connect() -> AsyncIterator[KafkaSource]:
        async with connected(settings, StoredPositions(sqlite_world.commands)) as source:
            sources.append(source)
            yield source

    one = Consumer(
        connect=connect,
        inbox=StoredInbox(sqlite_world.commands, settings.topics),
        topics=topics_read(settings.topics),
        stall_seconds=1.0,
        stalled=lambda: counted.append(1),
    )
    async with running("consumer", one.run):
        await eventually(one.caught_up.is_set, within=30)
        sources[0]._consumer._fetcher._fetch_task.cancel()
        written: list[int] = []

        async def replaced() -> bool:
            """A fetch that was under way may still bring the first."""
            written.append(len(written) + 1)
            sent = record(withholding(version=len(written)))
            await produce(broker, settings.topics.withholdings, [(sent.key.decode(), sent.value, list(sent.headers))])
            return bool(counted)

        async def all_have_come() -> bool:
            return await sqlite_world.past() == written[:-1]

        await eventually(replaced, within=30)
        await eventually(all_have_come, within=30)

    assert len(sources) > 1


class Committer:
    """Refuses, or never answers, as often as told; then it takes what it is told."""

    def __init__(self, *faults: BaseException | None) -> None:
        self._faults = list(faults)
        self.taken: list[dict[TopicPartition, int]] = []

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        if self._faults:
            fault = self._faults.pop(0)
            if fault is None:
                await asyncio.Event().wait()
            else:
                raise fault
        self.taken.append(offsets)


PLACE = Partition("t", 0)


@pytest.mark.fault(25)
@pytest.mark.parametrize("fault", [KafkaError("no"), None], ids=["refused", "never answered"])
async def test_hints_that_are_not_taken_hold_nobody_up_and_the_latest_is_told(fault: BaseException | None) -> None:
    committer = Committer(fault)
    hints = Hints(committer, within=0.02, every=0.01)
    hints.give(PLACE, 1)
    await asyncio.sleep(0)
    hints.give(PLACE, 2)
    hints.give(PLACE, 3)

    await eventually(lambda: committer.taken)

    assert committer.taken == [{TopicPartition("t", 0): 3}]


async def test_at_the_end_the_last_hint_gets_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    committer = Committer()
    hints = Hints(committer)
    await hints.finish()
    hints.give(PLACE, 1)
    await hints.finish()
    assert committer.taken == [{TopicPartition("t", 0): 1}]

    monkeypatch.setattr("services.notifier.consumer.hints.AT_END", 0.01)
    stuck = Hints(Committer(None))
    stuck.give(PLACE, 1)
    await stuck.finish()
