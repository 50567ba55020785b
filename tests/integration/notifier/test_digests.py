"""Whatever was lost without a trace, and whatever somebody changed here, is found by the digests of states."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from services.notifier.comparer import Comparer
from services.notifier.consumer.records import Partition
from services.notifier.domain.holes import Hole
from services.notifier.handlers.digests import notice_silence
from services.notifier.metrics import StateMetrics
from services.notifier.store import holes
from services.notifier.tables import (
    checkpoints,
    offsets,
    quarantine,
    state_digests,
    stream_gaps,
    withholding_history,
    withholdings,
)
from shared.digest import Digest
from shared.events import StateDigested, WithholdingChanged, encode
from shared.events.compliance import StateDiverged
from shared.ids import Jurisdiction
from tests.integration.notifier.fakes import TOPICS, FakeBlocklist, FakeKafka
from tests.integration.notifier.rig import Rig
from tests.integration.notifier.test_holds import heal, held
from tests.integration.notifier.world import World
from tests.support.eventually import eventually
from tests.unit.notifier.builders import AT, after, key, withholding

CHECKPOINTS = Partition(TOPICS.checkpoints, 0)
KEY = "IN/account:a"
A1, A2, A3 = (withholding(version=number, effective_at=after(number)) for number in (1, 2, 3))
B1 = withholding("account:b", effective_at=after(1))
C1 = withholding("account:c", effective_at=after(1))


@pytest.fixture
def blocklist() -> FakeBlocklist:
    return FakeBlocklist(published=[A1, A2, A3, B1])


def digest_of(events: Sequence[WithholdingChanged], at: datetime, place: str = "IN", *, epoch: int = 1) -> StateDigested:
    latest = {e.target: e for e in sorted(events, key=lambda e: e.version) if e.effective_at <= at and e.jurisdiction == place}
    digest = Digest()
    for event in latest.values():
        digest.add(f"{place}/{event.target}", event.version, event.state)
    return StateDigested(
        jurisdiction=Jurisdiction(place),
        epoch=epoch,
        as_of=at,
        keys=digest.keys,
        withheld=digest.withheld,
        digest=digest.hex,
        at=at,
    )


async def tell(world: World, kafka: FakeKafka, *digests: StateDigested) -> None:
    """By the topic, as the blocklist tells."""
    for digest in digests:
        kafka.write(
            CHECKPOINTS,
            encode(digest, id=f"d{digest.as_of}", source="/b", subject=digest.jurisdiction, time=digest.at),
        )
    await Rig(world, kafka).turn()


def comparer(world: World, blocklist: FakeBlocklist) -> Comparer:
    return Comparer(commands=world.commands, database=world.database, source=blocklist, topic=TOPICS.withholdings)


async def compare(world: World, blocklist: FakeBlocklist) -> None:
    await comparer(world, blocklist).run_once(asyncio.Event())


async def all_has_come(world: World, at: datetime, *, sequence: int = 4) -> None:
    """As the checkpoints of the only lane say."""
    lane = {"topic": TOPICS.withholdings, "partition": 0, "epoch": 1, "sequence": sequence}
    checkpoint = lane | {
        "sequence": 4,
        "digest": "",
        "marked_sequence": 0,
        "marked_digest": "",
        "at": at,
        "first_at": at,
        "fetched_again": False,
        "settled": True,
    }

    async def work(connection: Any) -> None:
        await connection.execute(offsets.insert().values(lane | {"next_offset": 4}))
        await connection.execute(checkpoints.insert().values(checkpoint))

    await world.database.write(work)


def mismatches(world: World) -> float | None:
    return world.metric("geowithhold_digest_mismatches_total", jurisdiction="IN")


async def diverged(world: World) -> list[StateDiverged]:
    return [each.data for each in await world.findings() if isinstance(each.data, StateDiverged)]


async def test_equal_states_agree_as_of_the_same_moment_whatever_came_since(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist
) -> None:
    await world.withhold(A1, A2, A3, B1)

    for at in (after(1), after(2), after(3)):
        await tell(world, kafka, digest_of(blocklist.published, at))
        await compare(world, blocklist)

    assert world.metric("geowithhold_digest_matches_total", jurisdiction="IN") == 3
    assert mismatches(world) is None
    assert blocklist.asked == 0
    assert await world.rows(select(state_digests.c.agreed_as_of)) == [(after(3),)]


@pytest.mark.fault(28)
async def test_the_last_event_of_a_key_that_was_lost_without_a_trace_is_found_and_healed(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist
) -> None:
    await world.withhold(A1, A2, B1)
    await all_has_come(world, after(60))

    await tell(world, kafka, digest_of(blocklist.published, after(60)))
    await compare(world, blocklist)

    assert mismatches(world) == 1
    assert await world.holes() == {KEY: (1, None)}
    await heal(world, blocklist)
    assert await world.present() == {KEY: (3, "withheld"), "IN/account:b": (1, "withheld")}
    await tell(world, kafka, digest_of(blocklist.published, after(180)))
    await compare(world, blocklist)
    assert world.metric("geowithhold_digest_matches_total", jurisdiction="IN") == 1
    assert await world.rows(select(state_digests.c.diverged_at, state_digests.c.mismatches)) == [(None, 0)]


@pytest.mark.fault(28)
async def test_a_key_of_which_nothing_ever_came_is_found_and_healed(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist
) -> None:
    await all_has_come(world, after(60))

    await tell(world, kafka, digest_of(blocklist.published, after(60)))
    await compare(world, blocklist)
    await heal(world, blocklist)

    assert await world.present() == {KEY: (3, "withheld"), "IN/account:b": (1, "withheld")}


async def test_a_first_difference_while_records_are_under_way_is_not_believed(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist
) -> None:
    await world.withhold(A1, A2, B1)

    await tell(world, kafka, digest_of(blocklist.published, after(60)))
    await compare(world, blocklist)
    assert (mismatches(world), await diverged(world), blocklist.asked) == (1, [], 0)
    await compare(world, blocklist)
    assert mismatches(world) == 1

    await tell(world, kafka, digest_of(blocklist.published, after(180)))
    await compare(world, blocklist)

    (found,) = await diverged(world)
    assert (found.jurisdiction, found.as_of, found.keys, found.known_keys) == ("IN", after(180), 2, 2)
    assert (found.withheld, found.known_withheld) == (2, 1)
    assert mismatches(world) == 2
    assert await world.holes() == {KEY: (1, None)}


@pytest.mark.parametrize(
    ("reached", "gap", "hole", "believed"),
    [
        pytest.param(4, False, False, True, id="all has come"),
        pytest.param(3, False, False, False, id="a lane is behind"),
        pytest.param(4, True, False, False, id="a gap is being filled"),
        pytest.param(4, False, True, False, id="a hole is being healed"),
    ],
)
async def test_whether_a_first_difference_is_believed(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist, reached: int, *, gap: bool, hole: bool, believed: bool
) -> None:
    await world.withhold(A1)
    await all_has_come(world, after(60), sequence=reached)
    if gap:
        row = {"topic": TOPICS.withholdings, "partition": 0, "first": 2, "last": 2, "attempts": 0}
        row |= {"next_try_at": AT, "found_at": AT}
        await world.database.write(lambda connection: connection.execute(stream_gaps.insert().values(row)))
    if hole:
        await world.commands.run(lambda unit: holes.note_versions(unit.connection, {key("account:z"): Hole(1, 1)}, AT))

    await tell(world, kafka, digest_of(blocklist.published, after(60)))
    await compare(world, blocklist)

    assert bool(await diverged(world)) is believed


async def test_while_an_outage_is_caught_up_with_differences_say_nothing_however_many_there_are(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist
) -> None:
    await world.withhold(A1)
    await all_has_come(world, after(60), sequence=3)
    for minutes in range(2, 6):
        await tell(world, kafka, digest_of(blocklist.published, after(60 * minutes)))
        await compare(world, blocklist)
    assert (await diverged(world), blocklist.asked) == ([], 0)

    await world.database.write(lambda connection: connection.execute(update(offsets).values(sequence=4)))
    await tell(world, kafka, digest_of(blocklist.published, after(360)))
    await compare(world, blocklist)

    assert len(await diverged(world)) == 1


async def test_a_checkpoint_from_before_the_digest_says_nothing_of_it(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist
) -> None:
    await all_has_come(world, after(59))

    await tell(world, kafka, digest_of(blocklist.published, after(60)))
    await compare(world, blocklist)

    assert await diverged(world) == []


async def edited(world: World, **values: Any) -> None:
    """Somebody was at the database."""
    row = withholdings.c.target == "account:a"
    await world.database.write(lambda connection: connection.execute(update(withholdings).where(row).values(values)))


async def test_a_row_that_was_set_back_is_found_and_healed(world: World, kafka: FakeKafka, blocklist: FakeBlocklist) -> None:
    await world.withhold(A1, A2, A3, B1)
    await all_has_come(world, after(60))
    await edited(world, version=2, state="released", effective_at=after(2))

    await tell(world, kafka, digest_of(blocklist.published, after(60)))
    await compare(world, blocklist)
    await heal(world, blocklist)

    assert mismatches(world) == 1
    assert await world.present() == {KEY: (3, "withheld"), "IN/account:b": (1, "withheld")}


@pytest.mark.fault(31)
@pytest.mark.parametrize("change", [{"state": "released"}, {"version": 9}])
async def test_a_row_that_says_otherwise_than_the_blocklist_is_an_alarm_and_its_key_is_held(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist, change: dict[str, Any]
) -> None:
    await world.withhold(A1, A2, A3, B1)
    await all_has_come(world, after(60))
    await edited(world, **change)
    world.clock.advance(120)

    for at in (60, 180, 300):
        await tell(world, kafka, digest_of(blocklist.published, after(at)))
        await compare(world, blocklist)
        await heal(world, blocklist)

    assert mismatches(world) == 3
    assert len(await diverged(world)) == 1
    assert await held(world) == [("IN", "account:a", None)]
    assert await world.count(quarantine) == 1


async def test_a_key_that_only_we_know_is_found_and_held(world: World, kafka: FakeKafka, blocklist: FakeBlocklist) -> None:
    await world.withhold(A1, A2, A3, B1, C1)
    await all_has_come(world, after(60))
    world.clock.advance(120)

    await tell(world, kafka, digest_of(blocklist.published, after(60)))
    await compare(world, blocklist)
    assert await world.holes() == {"IN/account:c": (1, None)}
    await heal(world, blocklist)

    assert await held(world) == [("IN", "account:c", None)]


async def test_a_key_in_a_place_where_the_blocklist_has_none_is_found_and_held(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist
) -> None:
    """No digest tells of such a place. That the others are told of does."""
    await world.withhold(A1, A2, A3, B1, withholding("account:z", jurisdiction="DE", effective_at=after(1)))
    await all_has_come(world, after(7200))
    world.clock.advance(7200)

    await tell(world, kafka, digest_of(blocklist.published, after(3600)))
    await compare(world, blocklist)
    assert await world.count(state_digests) == 1
    await tell(world, kafka, digest_of(blocklist.published, after(3601)))
    await compare(world, blocklist)
    await compare(world, blocklist)
    await heal(world, blocklist)

    (found,) = await diverged(world)
    assert (found.jurisdiction, found.keys, found.known_keys) == ("DE", 0, 1)
    assert await held(world) == [("DE", "account:z", None)]


async def purged_gap(world: World, topic: str) -> None:
    row = {"topic": topic, "partition": 0, "first": 2, "last": 2, "attempts": 0, "next_try_at": AT, "found_at": after(30)}
    await world.database.write(lambda connection: connection.execute(stream_gaps.insert().values(row | {"purged_at": AT})))


async def test_what_nobody_has_any_more_is_made_up_for_once_all_places_agree(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist
) -> None:
    blocklist.published.append(withholding("account:z", jurisdiction="DE", effective_at=after(1)))
    await world.withhold(A1, A2, A3, B1)
    await purged_gap(world, TOPICS.withholdings)
    await purged_gap(world, TOPICS.directives)

    async def both(at: datetime) -> int:
        await tell(world, kafka, *(digest_of(blocklist.published, at, place) for place in ("DE", "IN")))
        await compare(world, blocklist)
        await heal(world, blocklist)
        return await world.count(stream_gaps)

    assert [await both(after(at)) for at in (20, 60, 180)] == [2, 2, 1]
    assert await world.rows(select(stream_gaps.c.topic)) == [(TOPICS.directives,)]


async def test_a_row_that_was_deleted_is_found_and_healed(world: World, kafka: FakeKafka, blocklist: FakeBlocklist) -> None:
    await world.withhold(A1, A2, A3, B1)
    await all_has_come(world, after(60))
    for table in (withholdings, withholding_history):
        gone = delete(table).where(table.c.target == "account:a")
        await world.database.write(lambda connection, gone=gone: connection.execute(gone))  # type: ignore[misc]

    await tell(world, kafka, digest_of(blocklist.published, after(60)))
    await compare(world, blocklist)
    await heal(world, blocklist)

    assert await world.present() == {KEY: (3, "withheld"), "IN/account:b": (1, "withheld")}


async def test_only_what_differs_as_of_that_moment_is_asked_for(world: World, kafka: FakeKafka, blocklist: FakeBlocklist) -> None:
    """`b` changes while both are compared: it is none of what differs."""
    later = withholding("account:b", version=2, effective_at=after(100))
    blocklist.published.append(later)
    await world.withhold(A1, A2, B1, later)
    await all_has_come(world, after(60))

    await tell(world, kafka, digest_of(blocklist.published, after(60)))
    await compare(world, blocklist)

    assert await world.holes() == {KEY: (1, None)}


async def test_while_the_blocklist_is_away_the_comparison_waits(world: World, kafka: FakeKafka, blocklist: FakeBlocklist) -> None:
    await world.withhold(A1)
    await all_has_come(world, after(60))
    blocklist.away = True
    await tell(world, kafka, digest_of(blocklist.published, after(60)))
    await compare(world, blocklist)
    assert await world.holes() == {}

    blocklist.away = False
    await compare(world, blocklist)
    assert await world.holes() == {}
    world.clock.advance(10)
    await compare(world, blocklist)

    assert await world.holes() == {KEY: (1, None), "IN/account:b": (1, None)}
    assert await world.rows(select(state_digests.c.resync_at)) == [(None,)]


async def test_a_digest_of_a_later_epoch_waits_until_the_records_are_there(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist
) -> None:
    await all_has_come(world, after(60))

    await tell(world, kafka, digest_of(blocklist.published, after(60), epoch=2))
    await compare(world, blocklist)

    assert mismatches(world) is None


async def test_of_several_digests_the_latest_counts_and_an_older_one_changes_nothing(
    world: World, kafka: FakeKafka, blocklist: FakeBlocklist
) -> None:
    await world.withhold(A1, A2, A3, B1)

    await tell(world, kafka, digest_of(blocklist.published, after(2)), digest_of(blocklist.published, after(3)))
    await tell(world, kafka, digest_of([], after(1)))
    await compare(world, blocklist)

    assert await world.rows(select(state_digests.c.as_of, state_digests.c.compared_as_of)) == [(after(3), after(3))]
    assert world.metric("geowithhold_digest_matches_total", jurisdiction="IN") == 1


async def test_many_keys_are_compared_in_pages(
    sqlite_world: World, kafka: FakeKafka, blocklist: FakeBlocklist, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.notifier.comparer.PER_PAGE", 2)
    blocklist.published = [withholding(f"account:{name}", effective_at=after(1)) for name in "abcdefg"]
    await sqlite_world.withhold(*blocklist.published[:-1])
    await all_has_come(sqlite_world, after(60))

    await tell(sqlite_world, kafka, digest_of(blocklist.published, after(60)))
    await compare(sqlite_world, blocklist)

    assert await sqlite_world.holes() == {"IN/account:g": (1, None)}


async def test_two_that_compare_the_same_digest_count_it_once(world: World, kafka: FakeKafka, blocklist: FakeBlocklist) -> None:
    await tell(world, kafka, digest_of(blocklist.published, after(60)))

    await asyncio.gather(compare(world, blocklist), compare(world, blocklist))

    assert mismatches(world) == 1


async def test_the_gauge_shows_how_many_have_diverged(world: World, kafka: FakeKafka, blocklist: FakeBlocklist) -> None:
    await all_has_come(world, after(60))
    shown = StateMetrics(world.instruments, world.database, world.clock, dict)

    await tell(world, kafka, digest_of(blocklist.published, after(60)))
    await compare(world, blocklist)
    await shown.refresh()

    assert world.metric("geowithhold_diverged_jurisdictions") == 1


async def test_before_any_digest_has_come_no_place_is_silent(world: World) -> None:
    await world.withhold(A1)

    await world.commands.run(notice_silence)

    assert await world.count(state_digests) == 0


async def test_it_compares_until_it_is_told_to_stop(sqlite_world: World, kafka: FakeKafka, blocklist: FakeBlocklist) -> None:
    await sqlite_world.withhold(A1, A2, A3, B1)
    await tell(sqlite_world, kafka, digest_of(blocklist.published, after(60)))
    stop = asyncio.Event()
    running = asyncio.create_task(comparer(sqlite_world, blocklist).run(stop))

    await eventually(lambda: sqlite_world.metric("geowithhold_digest_matches_total", jurisdiction="IN"))
    stop.set()
    await running


async def test_told_to_stop_it_leaves_the_rest_for_later(sqlite_world: World, kafka: FakeKafka, blocklist: FakeBlocklist) -> None:
    await all_has_come(sqlite_world, after(60))
    await tell(sqlite_world, kafka, digest_of(blocklist.published, after(60)))
    stop = asyncio.Event()
    stop.set()

    await comparer(sqlite_world, blocklist).run_once(stop)
    assert mismatches(sqlite_world) is None

    await compare(sqlite_world, blocklist)
    await sqlite_world.database.write(lambda connection: connection.execute(state_digests.update().values(resync_at=AT)))
    asked = blocklist.asked
    await comparer(sqlite_world, blocklist).run_once(stop)
    assert blocklist.asked == asked
