"""A broker that says for a while, to every try, that it is not able to: nothing is lost, and nothing changes its place."""

import pytest
from aiokafka.errors import (
    KafkaTimeoutError,
    LeaderNotAvailableError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
)

from shared.db import Database
from shared.outbox.failures import Failure, judge
from tests.support.fakes import FakePublisher, fail_with, take_then_fail
from tests.support.relay import ONE_LANE, block, drain, ids, in_order, lift, started, waiting

STORM = [
    LeaderNotAvailableError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
    NotEnoughReplicasError,
    NotEnoughReplicasAfterAppendError,
    KafkaTimeoutError,
]


@pytest.mark.fault(16)
async def test_a_storm_of_retriable_errors_keeps_every_event_in_its_place(database: Database) -> None:
    await block(database, topics=ONE_LANE)
    await lift(database, topics=ONE_LANE)
    expected = ids(await waiting(database))
    storm = [behaviour for error in STORM for behaviour in (fail_with(error()), take_then_fail)]
    publisher = FakePublisher([*storm, *storm])
    relay = await started(database, publisher)

    while publisher.script:
        await relay.turn()
    await drain(relay)

    assert ids(publisher.records()) == expected
    assert in_order(publisher)
    assert await waiting(database) == []


@pytest.mark.fault(16)
@pytest.mark.parametrize("error", STORM)
def test_none_of_them_halts_a_lane(error: type[Exception]) -> None:
    assert judge(error()) is not Failure.REFUSED
