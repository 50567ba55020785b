from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.notifier.consumer.records import NotUnderstood, Tombstone, Understood, read
from shared.events import Payload, Record, encode, fence
from shared.ids import Target, TargetType
from shared.topics import Topics
from tests.unit.notifier.builders import AT, item, items, noticed, received, record, report, withholding

TOPICS = Topics()


@pytest.mark.parametrize(
    ("data", "topic"),
    [
        (withholding(), TOPICS.withholdings),
        (received(), TOPICS.directives),
        (items(2, item()), TOPICS.directives),
        (report(), TOPICS.enforcements),
    ],
)
def test_an_event_on_its_topic_is_understood(data: Payload, topic: str) -> None:
    reading = read(record(data), topic, TOPICS)

    assert isinstance(reading, Understood)
    assert reading.envelope.data == data


@pytest.mark.parametrize(
    ("data", "topic"),
    [
        pytest.param(withholding(), TOPICS.enforcements, id="a point cannot withhold"),
        pytest.param(report(), TOPICS.withholdings, id="a report among withholdings"),
        pytest.param(received(), TOPICS.enforcements, id="a point cannot order"),
    ],
)
def test_who_may_write_a_topic_may_not_speak_of_anything_else(data: Payload, topic: str) -> None:
    reading = read(record(data), topic, TOPICS)

    assert isinstance(reading, NotUnderstood)
    assert "does not belong" in reading.reason


def test_a_tombstone_means_nothing_where_state_is_compacted_and_is_strange_elsewhere() -> None:
    empty = Record(b"IN/account:a", None, ())

    assert read(empty, TOPICS.withholdings, TOPICS) == Tombstone()
    assert isinstance(read(empty, TOPICS.enforcements, TOPICS), NotUnderstood)


LONG_AGO = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(withholding(effective_at=LONG_AGO), id="an instant that UTC cannot tell"),
        pytest.param(withholding(effective_at=datetime(9999, 12, 31, tzinfo=UTC)), id="one that other offsets cannot tell"),
        pytest.param(withholding("hashtag:" + "é" * 1200), id="a target that no index takes"),
        pytest.param(replace(noticed(2), notice="n" * 3000), id="an id that no index takes"),
        pytest.param(items(2, item("hashtag:" + "é" * 1200)), id="such a target among others"),
        pytest.param(replace(withholding(), label="a\x00b"), id="a text with a NUL"),
    ],
)
def test_what_no_database_would_store_is_not_understood(data: Payload) -> None:
    topic = TOPICS.withholdings if hasattr(data, "label") else TOPICS.directives

    assert isinstance(read(record(data), topic, TOPICS), NotUnderstood)


def test_an_event_about_nowhere_is_not_understood() -> None:
    assert isinstance(read(record(withholding(jurisdiction="ZZ")), TOPICS.withholdings, TOPICS), NotUnderstood)


def test_a_target_of_another_type_than_it_says_is_not_understood() -> None:
    assert isinstance(
        read(record(replace(withholding(), target_type=TargetType.POST)), TOPICS.withholdings, TOPICS), NotUnderstood
    )


def test_a_text_that_only_speaks_of_a_nul_is_understood() -> None:
    assert isinstance(read(record(report(detail="a\\u0000b")), TOPICS.enforcements, TOPICS), Understood)


def test_a_nul_is_found_in_any_text() -> None:
    hidden = items(2, replace(item(), decision="re\x00fused"))

    assert isinstance(read(record(hidden), TOPICS.directives, TOPICS), NotUnderstood)


def test_a_record_under_another_key_is_not_understood() -> None:
    """It would be ordered with the wrong events."""
    moved = encode(withholding(), id="1", source="/test", subject="IN/account:b", time=AT)

    assert isinstance(read(moved, TOPICS.withholdings, TOPICS), NotUnderstood)


def test_bytes_that_are_no_event_are_not_understood() -> None:
    garbage = record(withholding())._replace(value=b"{")

    assert isinstance(read(garbage, TOPICS.withholdings, TOPICS), NotUnderstood)


def test_a_target_may_be_as_long_as_a_url() -> None:
    longest = Target("url:https://" + "a" * 2036)

    assert isinstance(read(record(withholding(longest)), TOPICS.withholdings, TOPICS), Understood)


@pytest.mark.parametrize("topic", [TOPICS.withholdings, TOPICS.directives])
def test_a_fence_of_a_new_epoch_says_nothing(topic: str) -> None:
    assert read(fence("/geowithhold/blocklist"), topic, TOPICS) == Tombstone()
