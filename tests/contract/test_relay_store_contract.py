"""What the relay may expect of its store, asked of the one in memory and of the one on either database."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.blocklist.outbox import RELAY_TABLES
from shared.events import CheckpointMade, Record, decode
from shared.outbox.port import LEASE, Batch, Hold, Progress, Roll
from shared.outbox.table import Row, row_of
from tests.support.blocklist import migrated
from tests.support.builders import NOON
from tests.support.relay_cases import CHECKPOINTS, FIRST, LATER, PLENTY, SECOND, A, B, C, Case, fake_case, numbers, sql_case


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    if request.param == "memory":
        made = fake_case()
        await made.store.ensure([FIRST, SECOND])
        yield made
        return
    async with migrated(request.getfixturevalue(f"{request.param}_database")) as database:
        made = sql_case(database)
        await made.store.ensure([FIRST, SECOND])
        yield made


async def test_a_sign_of_life_tells_what_is_held_and_how_many_share(case: Case) -> None:
    alone = await case.store.beat(A)
    held = await case.held(A, at_most=1)
    both = await case.store.beat(B)

    assert alone == Roll((), 2, 1)
    assert both == Roll((), 2, 2)
    assert await case.store.beat(A) == Roll(tuple(held.values()), 2, 2)


async def test_where_there_is_nothing_to_share_there_are_no_lanes_beyond_those_known(case: Case) -> None:
    await case.store.ensure([])
    await case.store.ensure([FIRST])

    assert (await case.store.beat(A)).lanes == 2


async def test_who_gave_no_sign_for_as_long_as_a_lease_is_no_member(case: Case) -> None:
    await case.store.beat(A)
    await case.pass_time(LEASE + timedelta(seconds=1))

    assert (await case.store.beat(B)).members == 1


async def test_lanes_of_one_partition_are_claimed_together(case: Case) -> None:
    await case.append([Row(lane, "many", 1, b"1") for lane in CHECKPOINTS])
    await case.store.ensure([])

    held = await case.held(A, at_most=2)

    assert sorted(held) == [CHECKPOINTS[0], FIRST]


# How a lane stands when A acts on it, and what that comes to: whose it is then, and whether its epoch has risen.
STANDINGS = ("free", "own", "own, expired", "another's", "another's, expired", "own again, in another epoch")
TRANSITIONS: dict[tuple[str, str], tuple[str | None, int]] = {
    ("free", "claim"): (A, 1),
    ("free", "beat"): (None, 0),
    ("free", "give_up"): (None, 0),
    ("free", "leave"): (None, 0),
    ("own", "claim"): (A, 0),
    ("own", "beat"): (A, 0),
    ("own", "give_up"): (None, 0),
    ("own", "leave"): (None, 0),
    ("own, expired", "claim"): (A, 1),
    ("own, expired", "beat"): (A, 0),
    ("own, expired", "give_up"): (None, 0),
    ("own, expired", "leave"): (None, 0),
    ("another's", "claim"): (B, 0),
    ("another's", "beat"): (B, 0),
    ("another's", "give_up"): (B, 0),
    ("another's", "leave"): (B, 0),
    ("another's, expired", "claim"): (A, 1),
    ("another's, expired", "beat"): (B, 0),
    ("another's, expired", "give_up"): (B, 0),
    ("another's, expired", "leave"): (B, 0),
    ("own again, in another epoch", "claim"): (A, 0),
    ("own again, in another epoch", "beat"): (A, 0),
    ("own again, in another epoch", "give_up"): (A, 0),
    ("own again, in another epoch", "leave"): (None, 0),
}


async def standing(case: Case, how: str) -> Hold:
    """Brings the lane there; answers the hold that A believes in."""
    expired = LEASE + timedelta(seconds=1)
    if how == "free":
        return Hold(FIRST, 0)
    held = (await case.held(B if how.startswith("another's") else A))[FIRST]
    if how.endswith("expired"):
        await case.pass_time(expired)
    if how == "own again, in another epoch":
        await case.pass_time(expired)
        await case.held(B)
        await case.pass_time(expired)
        await case.held(A)
    return held


async def act(case: Case, what: str, hold: Hold) -> None:
    match what:
        case "claim":
            await case.store.claim(A, PLENTY)
        case "beat":
            await case.store.beat(A)
        case "give_up":
            await case.store.give_up(A, [hold])
        case _:
            await case.store.leave(A)


def test_the_table_of_leases_is_whole() -> None:
    acts = {what for _, what in TRANSITIONS}

    assert set(TRANSITIONS) == {(how, what) for how in STANDINGS for what in acts}


@pytest.mark.parametrize(("how", "what"), TRANSITIONS)
async def test_each_act_on_a_lane_comes_to_what_the_table_says(case: Case, how: str, what: str) -> None:
    hold = await standing(case, how)
    before = await case.lane(FIRST)

    await act(case, what, hold)

    after = await case.lane(FIRST)
    assert (after["owner"], after["epoch"] - before["epoch"]) == TRANSITIONS[how, what]


@pytest.mark.parametrize("how", STANDINGS)
async def test_nothing_is_done_in_a_lane_but_by_its_holder_in_its_epoch(case: Case, how: str) -> None:
    await case.queue(FIRST, 3)
    hold = await standing(case, how)
    batch = Batch(hold, 1, Progress(), ())
    before = await case.lane(FIRST)
    holds = how in {"own", "own, expired"}

    taken = await case.store.take(A, [hold], PLENTY)
    await case.store.halt(A, hold, reason="refused", at=NOON)
    marked = await case.mark(batch)

    assert (len(taken), marked) == (int(holds), holds)
    assert holds or await case.lane(FIRST) == before


async def test_who_is_alone_takes_what_another_run_of_it_held_and_shares_with_nobody(case: Case) -> None:
    await case.held(A)

    roll = await case.alone.beat(B)
    holds = await case.alone.claim(B, PLENTY)

    assert roll == Roll((), 2, 1)
    assert sorted(holds) == [Hold(FIRST, 2), Hold(SECOND, 2)]
    assert await case.alone.claim(B, PLENTY) == []


async def test_what_is_given_up_is_free_at_once(case: Case) -> None:
    held = await case.held(A)

    await case.store.give_up(A, [held[FIRST]])

    assert list(await case.held(B)) == [FIRST]


async def test_who_leaves_is_no_member_and_holds_nothing(case: Case) -> None:
    await case.held(A)

    await case.store.leave(A)

    assert (await case.store.beat(B)).members == 1
    assert sorted(await case.held(B)) == [FIRST, SECOND]


async def test_events_are_numbered_from_one_on_in_the_order_of_their_rows(case: Case) -> None:
    await case.queue(FIRST, 3, 1000, 1)
    hold = (await case.held())[FIRST]

    batch = await case.batch(hold)

    assert numbers(batch) == [(1, 3), (4, 1000), (1004, 1)]
    assert [row.body for row in batch.rows] == [b"3", b"1000", b"1"]
    assert batch.since == Progress()
    assert (await case.lane(FIRST))["assigned"] == 1004


async def test_each_lane_has_numbers_of_its_own(case: Case) -> None:
    await case.queue(FIRST, 2)
    await case.queue(SECOND, 5, 1)

    batches = await case.store.take(A, list((await case.held()).values()), PLENTY)

    assert {batch.hold.lane: numbers(batch) for batch in batches} == {FIRST: [(1, 2)], SECOND: [(1, 5), (6, 1)]}


async def test_a_lane_in_which_nothing_waits_has_no_batch(case: Case) -> None:
    await case.queue(SECOND, 1)

    batches = await case.store.take(A, list((await case.held()).values()), PLENTY)

    assert [batch.hold.lane for batch in batches] == [SECOND]


async def test_what_is_not_marked_comes_again_with_the_same_numbers_and_nothing_beside_it(case: Case) -> None:
    await case.queue(FIRST, 2, 2, 2)
    hold = (await case.held())[FIRST]
    first = await case.batch(hold, rows=2)
    await case.queue(FIRST, 9)

    again = await case.batch(hold, rows=PLENTY)

    assert again == first
    assert numbers(first) == [(1, 2), (3, 2)]


async def test_who_takes_a_lane_over_finds_the_same_numbers(case: Case) -> None:
    await case.queue(FIRST, 2, 2)
    first = await case.batch((await case.held(A))[FIRST])
    await case.pass_time(LEASE + timedelta(seconds=1))

    second = await case.batch((await case.held(B))[FIRST], B)

    assert second.rows == first.rows
    assert second.hold.epoch == first.hold.epoch + 1


async def test_numbers_go_on_after_what_is_marked(case: Case) -> None:
    await case.queue(FIRST, 2, 2, 2)
    hold = (await case.held())[FIRST]
    await case.mark(await case.batch(hold, rows=2), digest="ab")

    batch = await case.batch(hold)

    assert numbers(batch) == [(5, 2)]
    assert batch.since == Progress(4, "ab", 0, "")


async def test_what_is_marked_is_published_and_does_not_come_again(case: Case) -> None:
    await case.queue(FIRST, 2)
    await case.queue(SECOND, 1)
    held = await case.held()

    marked = await case.mark(await case.batch(held[FIRST]), digest="ab")

    assert marked
    assert await case.rows(FIRST) == [(1, LATER, 7)]
    assert await case.rows(SECOND) == [(None, None, None)]
    lane = await case.lane(FIRST)
    assert (lane["assigned"], lane["published"], lane["digest"]) == (2, 2, "ab")
    assert await case.store.take(A, [held[FIRST]], PLENTY) == []


async def test_a_mark_by_who_has_lost_the_lane_is_refused_and_changes_nothing(case: Case) -> None:
    await case.queue(FIRST, 2)
    stale = await case.batch((await case.held(A))[FIRST])
    await case.pass_time(LEASE + timedelta(seconds=1))
    await case.held(B)
    before = await case.lane(FIRST)

    marked = await case.mark(stale)

    assert not marked
    assert (await case.lane(FIRST), await case.rows(FIRST)) == (before, [(1, None, None)])


async def test_nothing_is_taken_while_nothing_may_be_published(case: Case) -> None:
    await case.queue(FIRST, 2)
    held = await case.held()

    case.forbid()

    assert await case.store.take(A, list(held.values()), PLENTY) == []
    assert await case.rows(FIRST) == [(None, None, None)]


async def test_a_batch_tells_the_epoch_of_the_database(case: Case) -> None:
    await case.queue(FIRST, 1)
    hold = (await case.held())[FIRST]
    first = await case.batch(hold)
    await case.restore(2)

    assert (first.system_epoch, (await case.batch(hold)).system_epoch) == (1, 2)


async def test_a_halted_lane_tells_since_when_and_why_until_it_goes_on(case: Case) -> None:
    await case.queue(FIRST, 1)
    hold = (await case.held())[FIRST]
    batch = await case.batch(hold)
    await case.store.halt(A, hold, reason="too large", at=NOON)
    await case.store.halt(A, hold, reason="still too large", at=LATER)
    halted = await case.lane(FIRST)

    await case.mark(batch)

    assert (halted["halted_at"], halted["halted_reason"]) == (NOON, "still too large")
    assert (await case.lane(FIRST))["halted_at"] is None


@pytest.fixture
def told(case: Case) -> Callable[[], Awaitable[list[CheckpointMade]]]:
    """The checkpoints that are queued, each once."""

    async def look() -> list[CheckpointMade]:
        held = {hold.lane: hold for hold in (await case.store.beat(A)).held}
        held |= {hold.lane: hold for hold in await case.store.claim(A, PLENTY)}
        batches = await case.store.take(A, [held[lane] for lane in CHECKPOINTS], PLENTY)
        for batch in batches:
            await case.mark(batch)
        rows = [row for batch in batches for row in batch.rows]
        return [checkpoint(record) for row in rows for record in RELAY_TABLES.outbox.records(row.form, row.body)]

    return look


def checkpoint(record: Record) -> CheckpointMade:
    made = decode(record.value, record.headers).data
    assert isinstance(made, CheckpointMade)
    return made


async def test_the_first_checkpoint_of_a_lane_tells_how_far_it_is(case: Case, told: Any) -> None:
    await case.store.ensure(CHECKPOINTS)
    await case.queue(FIRST, 2, 3)
    hold = (await case.held())[FIRST]
    batch = await case.batch(hold)
    await case.store.mark(A, batch, Progress(5, "ab", 4, "cd"), offset=None, at=NOON)

    assert await case.store.checkpoint(A, NOON) == 1

    assert await told() == [
        CheckpointMade(
            topic=FIRST.topic,
            partition=0,
            epoch=1,
            sequence=5,
            count=5,
            digest="ab",
            marked_sequence=4,
            marked_digest="cd",
            at=NOON,
        )
    ]


@pytest.mark.parametrize(
    ("news", "after", "due"),
    [(True, 9, False), (True, 11, True), (False, 11, False), (False, 59, False), (False, 61, True)],
)
async def test_a_checkpoint_is_due_after_ten_seconds_of_news_or_sixty_of_none(
    case: Case, told: Any, news: bool, after: int, due: bool
) -> None:
    await case.store.ensure(CHECKPOINTS)
    await case.queue(FIRST, 2)
    hold = (await case.held())[FIRST]
    await case.mark(await case.batch(hold))
    await case.store.checkpoint(A, NOON)
    await told()
    if news:
        await case.queue(FIRST, 3)
        await case.mark(await case.batch(hold))

    await case.pass_time(timedelta(seconds=after))
    made = await case.store.checkpoint(A, LATER)

    assert made == int(due)
    assert [(event.sequence, event.count) for event in await told()] == ([(5, 3) if news else (2, 0)] if due else [])


async def test_lanes_that_are_not_held_or_have_told_nothing_or_tell_checkpoints_have_none(case: Case) -> None:
    await case.store.ensure(CHECKPOINTS)
    await case.append([row_of(CHECKPOINTS[0], Record(b"0", b"{}", ()))])
    held = await case.held(A)
    await case.mark(await case.batch(held[CHECKPOINTS[0]]))

    assert await case.store.checkpoint(A, NOON) == 0
    assert await case.store.checkpoint(C, NOON) == 0


async def test_a_store_without_a_name_for_checkpoints_makes_none(case: Case) -> None:
    await case.queue(FIRST, 2)
    await case.mark(await case.batch((await case.held())[FIRST]))

    assert await case.alone.checkpoint(A, NOON) == 0
