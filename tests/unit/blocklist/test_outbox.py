from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist import outbox
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import ItemState
from services.blocklist.domain.withholding import Withholding, WithholdingState
from services.blocklist.outbound import case_event, item_events, withholding_changed
from services.blocklist.outbox import CHUNK, OUTBOX
from services.blocklist.tables import outbox as table
from shared.db import Database
from shared.events import DirectiveConfirmed, encode
from shared.ids import Jurisdiction, Key, Target
from shared.jurisdictions import expand
from shared.kafka import BATCH_BYTES
from shared.outbox.table import Lane
from shared.topics import Topics
from tests.support.blocklist import TOPICS, all_rows, decoded, queued
from tests.support.builders import IN, NOON, PK, directive_id, live, make_directive, make_item, make_withholding, target
from tests.support.outbox import mark_published, unpublished, waiting_lanes

ONE_LANE = Topics(prefix="test", partitions=1)


def versions(count: int, *, version: int = 1) -> list[Withholding]:
    return [make_withholding(Key(IN, target(f"a{index}")), directive_id(1), version=version) for index in range(count)]


async def append(database: Database, changes: Sequence[Withholding], topics: Topics = TOPICS) -> None:
    await database.write(lambda connection: outbox.append_withholdings(connection, topics, changes, NOON))


async def events_per_row(database: Database) -> list[int]:
    return list(await database.read(lambda connection: connection.scalars(select(table.c.events).order_by(table.c.id))))


async def test_many_changes_alike_take_few_rows(database: Database) -> None:
    await append(database, versions(2 * CHUNK + 500), ONE_LANE)

    assert await events_per_row(database) == [CHUNK, CHUNK, 500]


async def test_each_lane_has_rows_of_its_own(database: Database) -> None:
    changes = versions(2500)
    await append(database, changes)

    lanes = await database.read(lambda connection: waiting_lanes(connection, OUTBOX))

    expected = Counter(TOPICS.partition_of(str(change.key)) for change in changes)
    assert lanes == [Lane(TOPICS.withholdings, partition) for partition in sorted(expected)]
    assert sorted(await events_per_row(database)) == sorted(expected.values())


async def test_a_chunk_expands_to_the_very_events_that_would_have_been_written_one_by_one(database: Database) -> None:
    changes = versions(20)
    await append(database, changes, ONE_LANE)

    records = await database.read(queued)

    assert records == [
        encode(
            withholding_changed(change),
            id=f"{change.key}@{change.version}",
            source="/geowithhold/blocklist",
            subject=str(change.key),
            time=change.effective_at,
        )
        for change in changes
    ]


CHANGE = make_withholding(Key(IN, target("a")), directive_id(1))
UNLIKE = [
    replace(CHANGE, key=Key(PK, target("b"))),
    replace(CHANGE, key=Key(IN, target("c")), state=WithholdingState.RELEASED, cause=Cause.ERROR),
    replace(CHANGE, key=Key(IN, target("d")), state=WithholdingState.RELEASED, cause=Cause.APPEAL),
    replace(CHANGE, key=Key(IN, target("e")), directives=(directive_id(1), directive_id(2))),
    replace(CHANGE, key=Key(IN, target("f")), effective_at=NOON + timedelta(seconds=1)),
    replace(CHANGE, key=Key(IN, target("g")), due_at=NOON),
    replace(CHANGE, key=Key(IN, target("h")), label="local_law"),
]


async def test_changes_that_differ_in_more_than_target_and_version_share_no_chunk(database: Database) -> None:
    alike = replace(CHANGE, key=Key(IN, Target("url:https://ex.org/p")), version=7)
    await append(database, [CHANGE, *UNLIKE, alike], ONE_LANE)

    events = [envelope.data for envelope in decoded(await database.read(queued))]

    assert await events_per_row(database) == [2, *([1] * len(UNLIKE))]
    assert sorted(map(repr, events)) == sorted(repr(withholding_changed(change)) for change in [CHANGE, *UNLIKE, alike])


async def test_case_events_are_rows_of_their_own_in_the_order_of_their_revisions(database: Database) -> None:
    directive = make_directive(revision=1)
    items = [make_item(of=target(f"a{index}")) for index in range(2500)]
    events = [
        case_event(DirectiveConfirmed, directive, 2, confirmed_at=NOON),
        *item_events(directive, 3, items),
    ]

    await database.write(lambda connection: outbox.append_case_events(connection, TOPICS, events, NOON))

    envelopes = decoded(await database.read(queued))
    assert [envelope.data for envelope in envelopes] == events
    assert [envelope.id for envelope in envelopes] == [f"{directive.id}@{revision}" for revision in (2, 3, 4, 5)]
    assert [len(event.items) for event in events if hasattr(event, "items")] == [1000, 1000, 500]


@pytest.mark.parametrize(
    ("named", "places"),
    [
        pytest.param("url:https://ex.org/" + "p" * 2000, (IN,), id="long URLs"),
        pytest.param("account:" + "a" * 50, tuple(expand(["EU"])), id="many countries"),
        pytest.param("hashtag:" + "क" * 100, tuple(expand(["EEA"])), id="another script"),
    ],
)
def test_a_chunk_of_items_is_never_larger_than_a_batch(named: str, places: tuple[Jurisdiction, ...]) -> None:
    items = [make_item(ItemState.COMPLIED, live(*places), of=Target(named))] * 1500

    events = list(item_events(make_directive(), 2, items))

    sizes = [len(encode(event, id="1", source="/s", subject="k", time=NOON).value or b"") for event in events]
    assert max(sizes) < BATCH_BYTES * 3 / 4 + 4096
    assert [event.revision for event in events] == list(range(2, 2 + len(events)))
    assert sum(len(event.items) for event in events) == 1500


async def test_nothing_to_publish_takes_no_row(database: Database) -> None:
    await append(database, [])
    await database.write(lambda connection: outbox.append_case_events(connection, TOPICS, [], NOON))

    assert await database.read(queued) == []


async def test_a_transaction_that_is_rolled_back_leaves_no_row(database: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await outbox.append_withholdings(connection, TOPICS, versions(10), NOON)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(work)

    assert not any((await database.read(all_rows)).values())


async def test_what_is_marked_is_not_read_again_and_the_rest_keeps_its_order(database: Database) -> None:
    lane = Lane(ONE_LANE.withholdings, 0)
    for number in range(1, 6):
        await append(database, versions(1, version=number), ONE_LANE)
    entries = await database.read(lambda connection: unpublished(connection, OUTBOX, lane, 3))

    marked = [entries[0].id, entries[2].id]
    await database.write(lambda connection: mark_published(connection, OUTBOX, marked, NOON))

    left = decoded(await database.read(queued))
    assert [envelope.id.rpartition("@")[2] for envelope in left] == ["2", "4", "5"]


async def test_the_backlog_counts_events_and_knows_the_oldest(database: Database) -> None:
    await append(database, versions(1500), ONE_LANE)
    later = versions(5, version=2)
    await database.write(lambda connection: outbox.append_withholdings(connection, ONE_LANE, later, NOON + timedelta(minutes=1)))
    full = await database.read(OUTBOX.backlog)
    entries = await database.read(lambda connection: unpublished(connection, OUTBOX, Lane(ONE_LANE.withholdings, 0), 2))
    await database.write(lambda connection: mark_published(connection, OUTBOX, [entry.id for entry in entries], NOON))

    assert full == (1505, NOON)
    assert await database.read(OUTBOX.backlog) == (5, NOON + timedelta(minutes=1))


async def test_an_empty_backlog_has_no_oldest(database: Database) -> None:
    assert await database.read(OUTBOX.backlog) == (0, None)


@given(st.text(), st.integers(1, 100))
def test_a_key_lives_where_kafkas_default_partitioner_puts_it(key: str, partitions: int) -> None:
    every = list(range(partitions))

    assert Topics(partitions=partitions).partition_of(key) == DefaultPartitioner()(key.encode(), every, every)


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("abc", 479470107),
    ],
)
def test_partitions_follow_the_hash_that_kafka_publishes_test_values_for(key: str, murmur2: int) -> None:
    assert Topics(partitions=1000).partition_of(key) == (murmur2 & 0x7FFFFFFF) % 1000


def test_the_partition_of_a_key_never_changes() -> None:
    keys = ["IN/account:acct_42", "IN/hashtag:farmers", "DE/url:https://ex.org/p", "IN/hashtag:किसान"]

    assert [Topics(partitions=6).partition_of(key) for key in keys] == [1, 3, 1, 3]
