"""The relay's rules that need no database: what an error means, who holds how much, what a batch becomes."""

import pytest
from aiokafka import errors

from shared.events import Record
from shared.events.chain import BEGINNING, MARK_EVERY, after
from shared.events.wire import Position, position_of
from shared.outbox.batches import as_sent, events_of, progress_after
from shared.outbox.failures import Failure, Undecodable, judge
from shared.outbox.holdings import Holdings, fair_share
from shared.outbox.port import Batch, Hold, Numbered, Progress
from shared.outbox.table import Lane

MEANINGS: dict[type[BaseException], Failure] = {
    errors.LeaderNotAvailableError: Failure.RETRIABLE,
    errors.NotLeaderForPartitionError: Failure.RETRIABLE,
    errors.RequestTimedOutError: Failure.RETRIABLE,
    errors.NotEnoughReplicasError: Failure.RETRIABLE,
    errors.KafkaConnectionError: Failure.RETRIABLE,
    errors.MessageSizeTooLargeError: Failure.REFUSED,
    errors.RecordListTooLargeError: Failure.REFUSED,
    errors.InvalidTopicError: Failure.REFUSED,
    errors.UnknownTopicOrPartitionError: Failure.REFUSED,
    errors.TopicAuthorizationFailedError: Failure.REFUSED,
    errors.ClusterAuthorizationFailedError: Failure.REFUSED,
    errors.PolicyViolationError: Failure.REFUSED,
    Undecodable: Failure.REFUSED,
    errors.OutOfOrderSequenceNumber: Failure.UNKNOWN,
    errors.ProducerFenced: Failure.UNKNOWN,
    errors.UnknownError: Failure.UNKNOWN,
    TimeoutError: Failure.UNKNOWN,
    ConnectionError: Failure.UNKNOWN,
    OSError: Failure.UNKNOWN,
    MemoryError: Failure.UNKNOWN,
}


@pytest.mark.parametrize(("error", "failure"), MEANINGS.items())
def test_an_error_means_what_the_table_says(error: type[BaseException], failure: Failure) -> None:
    assert judge(error()) is failure


@pytest.mark.parametrize(
    ("lanes", "members", "share"), [(18, 1, 18), (18, 2, 9), (18, 4, 5), (18, 18, 1), (18, 30, 1), (0, 2, 0), (7, 0, 7)]
)
def test_a_fair_share_leaves_no_lane_over(lanes: int, members: int, share: int) -> None:
    assert fair_share(lanes, members) == share
    assert share * max(1, members) >= lanes


def hold(topic: str, partition: int, epoch: int = 1) -> Hold:
    return Hold(Lane(topic, partition), epoch)


FOUR = [hold("b", 0), hold("a", 1), hold("a", 0), hold("b", 1)]


def holding(*holds: Hold) -> Holdings:
    made = Holdings()
    made.add(holds)
    return made


def test_what_is_beyond_the_share_goes_by_partition_once_it_is_idle() -> None:
    held = holding(*FOUR)
    held.begin(hold("b", 1))

    assert held.settle(2) == 0
    assert held.free_to_go() == [hold("a", 1)]
    assert set(held.idle()) == {hold("a", 0), hold("b", 0)}

    held.end(hold("b", 1))
    assert set(held.free_to_go()) == {hold("a", 1), hold("b", 1)}


def test_a_share_with_room_says_how_much_and_lets_nothing_go() -> None:
    held = holding(*FOUR)
    held.settle(1)

    assert held.settle(6) == 2
    assert (len(held.idle()), held.free_to_go()) == (4, [])


def test_what_the_database_says_is_what_is_held() -> None:
    held = holding(*FOUR)
    held.settle(0)

    assert held.become([hold("a", 0), hold("a", 1, epoch=2), hold("c", 0)]) == 3
    assert len(held) == 3
    assert set(held.free_to_go()) == {hold("a", 0), hold("a", 1, epoch=2)}
    assert held.idle() == [hold("c", 0)]


def test_what_is_dropped_is_that_very_hold_and_no_later_one() -> None:
    held = holding(hold("a", 0, epoch=2))

    assert not held.drop(hold("a", 0, epoch=1))
    assert held.drop(hold("a", 0, epoch=2))
    assert not held.drop(hold("a", 0, epoch=2))
    assert len(held) == 0


def records(count: int) -> list[Record]:
    return [Record(b"k", b"%d" % number, (("ce_id", b"%d" % number),)) for number in range(count)]


def read(_form: str, body: bytes) -> list[Record]:
    return records(int(body))


def batch(*events: int, since: Progress = Progress(), first: int = 1) -> Batch:  # noqa: B008
    rows, sequence = [], first
    for id_, count in enumerate(events):
        rows.append(Numbered(id_, sequence, count, "many", b"%d" % count))
        sequence += count
    return Batch(hold("a", 0), 7, since, tuple(rows))


def test_events_are_sent_with_their_positions_and_otherwise_as_they_are() -> None:
    made = batch(2, 3, first=41)
    events = events_of(made, read)

    sent = as_sent(made, events)

    assert [position_of(record.headers) for record in sent] == [Position(7, number) for number in range(41, 46)]
    assert [record._replace(headers=record.headers[:1]) for record in sent] == events


@pytest.mark.parametrize("body", [b"3", b"x"])
def test_a_row_that_is_not_what_it_says_becomes_nothing(body: bytes) -> None:
    wrong = Batch(hold("a", 0), 1, Progress(), (Numbered(9, 1, 2, "many", body),))

    with pytest.raises(Undecodable, match="row 9"):
        events_of(wrong, read)


def chain(events: list[Record]) -> list[bytes]:
    digests = [BEGINNING]
    for event in events:
        digests.append(after(digests[-1], event))
    return digests


@pytest.mark.parametrize("cut", [0, 1, 99, 100, 101, 199, 200])
def test_progress_is_the_same_however_the_events_come(cut: int) -> None:
    events = records(250)
    digests = chain(events)

    halfway = progress_after(Progress(), events[:cut])
    end = progress_after(halfway, events[cut:])

    assert end == Progress(250, digests[250].hex(), 200, digests[2 * MARK_EVERY].hex())
    if 0 < cut < MARK_EVERY:
        assert halfway == Progress(cut, digests[cut].hex(), 0, "")


def test_a_hash_that_was_not_known_stays_so_while_the_numbers_go_on() -> None:
    assert progress_after(Progress(1000), records(5)) == Progress(1005)
