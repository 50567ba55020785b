"""The relay when something goes wrong; a crash is a relay that is dropped in the middle of a turn."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError, NotLeaderForPartitionError, OutOfOrderSequenceNumber
from prometheus_client import CollectorRegistry
from sqlalchemy import select, update

from services.blocklist.tables import outbox, relay_lanes
from shared.db import Database
from shared.events import Record
from shared.outbox import relay as relay_module
from shared.outbox.relay import Relay, Turn
from shared.outbox.table import Lane
from shared.steps import Step, observe
from tests.support.blocklist import TOPICS, decoded
from tests.support.eventually import eventually
from tests.support.fakes import (
    Behaviour,
    FakePublisher,
    Hang,
    fail_with,
    only_on,
    refuse,
    take_half_then_time_out,
    take_then_fail,
)
from tests.support.relay import (
    LANE,
    ONE_LANE,
    block,
    drain,
    first_occurrences,
    ids,
    in_order,
    lift,
    publish_all,
    running,
    sequences,
    started,
    waiting,
)

FAILURES = [refuse, take_then_fail, take_half_then_time_out]


@pytest.mark.parametrize("behaviour", FAILURES)
async def test_after_any_failure_nothing_is_marked(database: Database, behaviour: Behaviour) -> None:
    await block(database, topics=ONE_LANE, targets=3)
    before = await waiting(database)
    publisher = FakePublisher([behaviour] * 2)

    turns = await (await started(database, publisher)).turn()

    assert turns == [Turn.FAILED] * 2
    assert await waiting(database) == before


@pytest.mark.fault(15)
@pytest.mark.parametrize("behaviour", FAILURES)
async def test_what_failed_is_sent_again_with_the_same_ids_and_numbers_and_in_order(
    database: Database, behaviour: Behaviour
) -> None:
    await block(database, topics=ONE_LANE)
    await lift(database, topics=ONE_LANE)
    expected = await waiting(database)
    publisher = FakePublisher([behaviour] * 2)
    relay = await started(database, publisher)
    await relay.turn()
    await block(database, 2, topics=ONE_LANE)
    expected += [record for record in await waiting(database) if record not in expected]

    await drain(relay)

    assert ids(publisher.records()) == ids(expected)
    assert in_order(publisher)
    assert await waiting(database) == []


@pytest.mark.fault(15)
async def test_a_batch_that_arrives_after_its_time_was_up_only_repeats_what_is_there(database: Database) -> None:
    await block(database, topics=ONE_LANE)
    late: list[tuple[Lane, Sequence[Record]]] = []

    async def time_out(_publisher: FakePublisher, lane: Lane, records: Sequence[Record]) -> None:
        late.append((lane, records))
        raise TimeoutError

    publisher = FakePublisher([time_out, time_out])
    relay = await started(database, publisher)
    await relay.turn()
    await lift(database, topics=ONE_LANE)
    await drain(relay)
    before = first_occurrences(publisher)

    for lane, records in late:
        await publisher.take(lane, records)

    assert len(late) == 2
    assert first_occurrences(publisher) == before
    assert all(numbers == [1, 2] for key, numbers in before.items() if key.startswith(b"IN/"))
    assert in_order(publisher)


async def test_a_lane_that_fails_holds_no_other_lane(database: Database) -> None:
    await block(database, targets=30)
    publisher = FakePublisher([only_on(TOPICS.directives, refuse)] * 10)

    turns = await (await started(database, publisher)).turn()

    left = decoded(await waiting(database))
    assert {envelope.type.split(".")[2] for envelope in left} == {"directive"}
    assert {lane.topic for lane in publisher.acknowledged} == {TOPICS.withholdings}
    assert sorted(turn.value for turn in turns).count("failed") == 1


async def test_a_lane_that_hangs_holds_no_other_lane(database: Database) -> None:
    hang, stop = Hang(), asyncio.Event()
    publisher = FakePublisher([only_on(ONE_LANE.directives, hang)] * 2)
    working = await running(database, publisher, stop)
    await block(database, topics=ONE_LANE)
    await hang.reached.wait()

    await lift(database, topics=ONE_LANE)

    await eventually(lambda: len(publisher.topics.get(LANE, [])) == 20)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


class PowerCut(BaseException):
    """Nothing of ours catches it, as nothing catches a power cut."""


CRASHES = [Step.ROWS_READ, Step.ROWS_NUMBERED, Step.BATCH_SENT, Step.BATCH_ACKNOWLEDGED, Step.ROWS_MARKED]


async def crash_at(step: Step, relay: Relay) -> None:
    """One turn that ends for ever as soon as it comes to the step."""
    count = 0

    def cut(reached: Step) -> None:
        nonlocal count
        if reached is step:
            count += 1
            raise PowerCut

    undo = observe(cut)
    try:
        with pytest.raises(PowerCut):
            await relay.turn()
        await asyncio.sleep(0)
    finally:
        undo()
    assert count


@pytest.mark.fault(11)
@pytest.mark.parametrize("step", CRASHES)
@pytest.mark.parametrize("turn", [1, 2])
async def test_a_crash_after_any_step_loses_nothing_and_renumbers_nothing(database: Database, step: Step, turn: int) -> None:
    topics = ONE_LANE
    await block(database, topics=topics)
    publisher = FakePublisher()
    relay = await started(database, publisher)
    for _ in range(1, turn):
        await relay.turn()
    await lift(database, topics=topics)
    await block(database, 2, topics=topics)
    expected = ids([*publisher.records(), *await waiting(database)])

    await crash_at(step, relay)
    await lift(database, 2, topics=topics)
    expected |= ids(await waiting(database))
    await publish_all(database, publisher, owner="another")

    assert ids(publisher.records()) == expected
    assert in_order(publisher)
    assert await waiting(database) == []
    repeated = len(publisher.topics[LANE]) - len(set(sequences(publisher.topics[LANE])))
    assert (repeated > 0) == (step in {Step.BATCH_SENT, Step.BATCH_ACKNOWLEDGED})


@pytest.mark.fault(11)
async def test_a_relay_cancelled_between_sending_and_the_answer_loses_nothing(database: Database) -> None:
    await block(database, topics=ONE_LANE, targets=3)
    expected, hang = await waiting(database), Hang()
    publisher = FakePublisher([hang, hang])
    crashed = asyncio.create_task((await started(database, publisher)).turn())
    await hang.reached.wait()
    crashed.cancel()
    await asyncio.gather(crashed, return_exceptions=True)
    assert await waiting(database) == expected

    await publish_all(database, FakePublisher(topics=publisher.topics), owner="another")

    assert ids(publisher.records()) == ids(expected)
    assert in_order(publisher)
    assert await waiting(database) == []


@pytest.mark.fault(12)
async def test_a_relay_that_wakes_after_its_lane_was_taken_marks_nothing(database: Database) -> None:
    await block(database, topics=ONE_LANE)
    await lift(database, topics=ONE_LANE)
    publisher, stopped = FakePublisher(), asyncio.Event()

    async def stand_still(publisher: FakePublisher, lane: Lane, records: Sequence[Record]) -> None:
        await stopped.wait()
        await publisher.take(lane, records)

    publisher.script = [stand_still, stand_still]
    sleeper = await started(database, publisher)
    turn = asyncio.create_task(sleeper.turn())
    await eventually(lambda: len(publisher.calls) == 2)
    await publish_all(database, publisher, owner="another")
    await block(database, 2, topics=ONE_LANE)
    before = await waiting(database)

    stopped.set()

    assert await turn == [Turn.LOST, Turn.LOST]
    assert await waiting(database) == before
    assert len(sleeper._holdings) == 0
    assert await sleeper.turn() == []
    assert first_occurrences(publisher)[b"IN/account:a0"] == [1, 2]
    assert in_order(publisher)


@pytest.mark.fault(13)
async def test_two_relays_that_both_believe_that_they_own_a_lane_do_no_harm(database: Database) -> None:
    publisher = FakePublisher()
    await block(database, topics=ONE_LANE)
    first = await started(database, publisher, owner="first")
    second = await started(database, publisher, owner="second")
    for number in range(2, 6):
        await block(database, number, topics=ONE_LANE)
        await lift(database, number, topics=ONE_LANE)
        await asyncio.gather(first.turn(), second.turn())
        if number == 3:
            await first.beat()  # takes everything back, and the other does not know

    await drain(second)
    await drain(first)

    assert await waiting(database) == []
    assert in_order(publisher)


async def too_large(_publisher: FakePublisher, _lane: Lane, _records: Sequence[Record]) -> None:
    raise MessageSizeTooLargeError


async def halted(database: Database) -> list[tuple[str, bool, str | None]]:
    columns = (relay_lanes.c.topic, relay_lanes.c.halted_at.is_not(None), relay_lanes.c.halted_reason)
    found = await database.read(lambda connection: connection.execute(select(*columns).order_by(relay_lanes.c.topic)))
    return [(topic, halted, reason) for topic, halted, reason in found if halted]


@pytest.mark.fault(17)
async def test_what_the_broker_refuses_halts_its_lane_and_skips_nothing(database: Database) -> None:
    await block(database, topics=ONE_LANE)
    publisher = FakePublisher([only_on(LANE.topic, too_large)] * 2)
    relay = await started(database, publisher)

    turns = await relay.turn()
    told = await halted(database)
    await lift(database, topics=ONE_LANE)
    await drain(relay)

    assert sorted(turn.value for turn in turns) == ["marked", "refused"]
    assert [(topic, reason) for topic, _, reason in told] == [(LANE.topic, "MessageSizeTooLargeError()")]
    assert await halted(database) == []
    assert in_order(publisher)
    assert await waiting(database) == []


@pytest.mark.fault(17)
async def test_a_halted_lane_is_tried_again_slowly_and_others_go_on(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "HALTED", timedelta(milliseconds=50))
    stop, publisher = asyncio.Event(), FakePublisher([only_on(LANE.topic, too_large)] * 6)
    working = await running(database, publisher, stop)
    await block(database, topics=ONE_LANE)

    async def done() -> bool:
        return bool(publisher.topics.get(LANE)) and not await waiting(database)

    await eventually(done)
    stop.set()
    await working

    assert [lane.topic for lane, _ in publisher.calls].count(LANE.topic) >= 5
    assert in_order(publisher)


@pytest.mark.fault(17)
@pytest.mark.parametrize("wrong", [{"kind": "unheard of"}, {"body": b"\xc1"}, {"events": 3}])
async def test_a_row_that_is_not_what_it_says_halts_its_lane_and_no_other(database: Database, wrong: dict[str, Any]) -> None:
    await block(database, topics=ONE_LANE)
    damage = update(outbox).where(outbox.c.topic == LANE.topic).values(wrong)
    await database.write(lambda connection: connection.execute(damage))
    publisher = FakePublisher()

    turns = await (await started(database, publisher)).turn()

    assert sorted(turn.value for turn in turns) == ["marked", "refused"]
    assert [topic for topic, *_ in await halted(database)] == [LANE.topic]
    assert list(publisher.topics) == [Lane(ONE_LANE.directives, 0)]


async def test_failures_are_counted_by_what_they_mean(database: Database) -> None:
    await block(database, targets=3, topics=ONE_LANE)
    registry = CollectorRegistry()
    errors = [TimeoutError(), OutOfOrderSequenceNumber(), NotLeaderForPartitionError(), MessageSizeTooLargeError()]
    publisher = FakePublisher([only_on(LANE.topic, fail_with(error)) for error in errors for _ in range(2)])
    relay = await started(database, publisher, registry=registry)

    await block(database, 2, topics=ONE_LANE)
    while publisher.script:
        await relay.turn()
    await drain(relay)

    counted = {
        kind: registry.get_sample_value("geowithhold_relay_failures_total", {"kind": kind})
        for kind in ("retriable", "unknown", "refused")
    }
    assert sum(count or 0 for count in counted.values()) == len([lane for lane, _ in publisher.calls if lane == LANE]) - 1
    assert all(counted.values())
    assert in_order(publisher)


async def test_a_running_relay_survives_failures_and_ends_its_client(database: Database) -> None:
    publisher, stop = FakePublisher([refuse, take_then_fail, refuse, refuse]), asyncio.Event()
    working = await running(database, publisher, stop)
    await block(database, topics=ONE_LANE)

    async def done() -> bool:
        return not await waiting(database)

    await eventually(done)
    stop.set()
    await working

    assert publisher.script == []
    assert publisher.discards == 1
    assert in_order(publisher)
