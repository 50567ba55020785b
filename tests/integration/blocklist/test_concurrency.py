"""What commands of several directives at once leave behind, on PostgreSQL, where they really are at once."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, text

from services.blocklist.commands import Commands
from services.blocklist.domain.causes import Cause
from services.blocklist.domain.item import Decision
from services.blocklist.domain.replay import DirectivesOf
from services.blocklist.handlers import replays
from services.blocklist.handlers.decide import Decide, decide
from services.blocklist.handlers.endings import Act, rescind
from services.blocklist.handlers.release import Release, release
from services.blocklist.handlers.staying import stay
from services.blocklist.handlers.submit import submit
from services.blocklist.handlers.supersede import Supersede, supersede
from services.blocklist.handlers.undo import Undo, undo_batch
from services.blocklist.handlers.unit import Unit
from services.blocklist.tables import directives
from shared.db import Database
from shared.events import WithholdingChanged
from shared.http.problems import Refusal
from shared.ids import Key, Target
from tests.support.blocklist import Rows, all_rows, decoded, make_commands, migrated, queued
from tests.support.builders import IN, directive_id, make_order, target
from tests.support.eventually import eventually
from tests.support.fakes import FakeClock
from tests.support.relay import ONE_LANE

ROUNDS = 25
TARGETS = tuple(target(f"a{number}") for number in range(8))


@pytest.fixture
async def database(postgres_database: str) -> AsyncIterator[Database]:
    async with migrated(postgres_database) as opened:
        yield opened


@pytest.fixture
def commands(database: Database) -> Commands:
    return make_commands(database, FakeClock())


async def at_once(*works: Awaitable[Any]) -> list[Any]:
    """All of them together. What is refused is an answer, everything else that is raised a failure."""
    done = await asyncio.gather(*works, return_exceptions=True)
    unexpected = [outcome for outcome in done if isinstance(outcome, BaseException) and not isinstance(outcome, Refusal)]
    assert not unexpected
    return done


def comply(number: int, *targets: Target) -> Callable[[Unit], Awaitable[Any]]:
    command = Decide(
        directive=directive_id(number), decision=Decision.COMPLY, ground=None, selection=targets or "all", scope=None, memo=None
    )
    return lambda unit: decide(unit, command)


def lift(number: int | None, *targets: Target) -> Callable[[Unit], Awaitable[Any]]:
    command = Release(
        cause=Cause.ERROR,
        directive=None if number is None else directive_id(number),
        selection=targets or "all",
        scope=(IN,),
        memo=None,
        approvers=(),
    )
    return lambda unit: release(unit, command)


async def two_directives(commands: Commands) -> None:
    """Over the same targets, named in opposite orders."""
    for number, targets in ((1, TARGETS), (2, TARGETS[::-1])):
        order = make_order(number, *targets)
        await commands.run(lambda unit, order=order: submit(unit, order))  # type: ignore[misc]


def claimants(rows: Rows) -> dict[str, frozenset[str]]:
    return {row["target"]: frozenset(row["claimants"]) for row in rows["withholdings"]}


async def check(database: Database) -> Rows:
    """Versions without holes, claims counted from both sides, and every version queued in order."""
    rows = await database.read(all_rows)
    made: dict[str, set[str]] = defaultdict(set)
    for row in rows["items"]:
        for claim in row["claims"].values():
            if claim == "live":
                made[row["target"]].add(row["directive"])
    versions: dict[Key, list[int]] = defaultdict(list)
    for envelope in decoded(await database.read(queued)):
        if isinstance(envelope.data, WithholdingChanged):
            versions[Key(envelope.data.jurisdiction, envelope.data.target)].append(envelope.data.version)
    assert {name: found for name, found in claimants(rows).items() if found} == made
    assert {row["target"]: row["version"] for row in rows["withholdings"]} == {
        key.target: len(found) for key, found in versions.items()
    }
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    return rows


@pytest.mark.fault(7)
async def test_two_directives_that_claim_the_same_new_keys_at_once_are_both_counted(
    database: Database, commands: Commands
) -> None:
    for round_number in range(ROUNDS):
        first, second = 2 * round_number + 1, 2 * round_number + 2
        targets = tuple(target(f"r{round_number}_{number}") for number in range(8))
        for number, named in ((first, targets), (second, targets[::-1])):
            order = make_order(number, *named)
            await commands.run(lambda unit, order=order: submit(unit, order))  # type: ignore[misc]

        await at_once(commands.run(comply(first)), commands.run(comply(second)))

        rows = await database.read(all_rows)
        both = frozenset({directive_id(first), directive_id(second)})
        assert {name: claimants(rows)[name] for name in targets} == dict.fromkeys(targets, both)
    await check(database)


async def test_orders_complied_with_at_intake_at_once_lose_no_claim(database: Database, commands: Commands) -> None:
    orders = [make_order(number, *TARGETS[:: (-1) ** number], comply_at_intake=True) for number in range(1, 13)]

    await at_once(*(commands.run(lambda unit, order=order: submit(unit, order)) for order in orders))  # type: ignore[misc]

    rows = await check(database)
    assert claimants(rows) == dict.fromkeys(TARGETS, frozenset(order.id for order in orders))
    assert {row["version"] for row in rows["withholdings"]} == {1}


@pytest.mark.fault(7)
@pytest.mark.fault(8)
async def test_blocks_and_lifts_of_two_directives_in_opposite_orders_never_lose_an_update(
    database: Database, commands: Commands
) -> None:
    await two_directives(commands)

    for _ in range(ROUNDS):
        await at_once(*(commands.run(comply(number, *TARGETS)) for number in (1, 2)))
        await at_once(commands.run(lift(1, *TARGETS)), commands.run(lift(2, *TARGETS[::-1])))

    rows = await check(database)
    assert claimants(rows) == dict.fromkeys(TARGETS, frozenset())
    assert {row["version"] for row in rows["withholdings"]} == {2 * ROUNDS}


async def test_a_release_of_whoever_claims_and_a_new_claim_at_once_never_leave_a_claim_behind(
    database: Database, commands: Commands
) -> None:
    await two_directives(commands)

    for _ in range(ROUNDS):
        await commands.run(comply(1))
        released, complied = await at_once(commands.run(lift(None, *TARGETS)), commands.run(comply(2, *TARGETS)))

        assert not isinstance(complied, Refusal)
        found = set(claimants(await check(database)).values())
        assert released.still_withheld == 0
        assert found in ({frozenset()}, {frozenset({directive_id(2)})})
        await at_once(commands.run(lift(None, *TARGETS)))


async def test_a_successor_decided_while_its_predecessor_is_worked_on_never_loses_a_claim_or_makes_a_version_too_many(
    database: Database, commands: Commands
) -> None:
    old, new = directive_id(1), directive_id(2)
    await commands.run(lambda unit: submit(unit, make_order(1, *TARGETS, comply_at_intake=True)))
    await commands.run(lambda unit: submit(unit, make_order(2, *TARGETS[::-1], supersedes=old)))

    await at_once(
        *(commands.run(comply(2, named)) for named in TARGETS),
        commands.run(lambda unit: stay(unit, Act(directive=old, selection=TARGETS[4:]))),
        commands.run(lambda unit: rescind(unit, Act(directive=old, selection=TARGETS[:4]))),
        commands.run(lift(None, *TARGETS[2:6])),
        commands.run(comply(1)),
    )
    await at_once(commands.run(comply(2)))

    rows = await check(database)
    assert claimants(rows) == dict.fromkeys(TARGETS, frozenset({new}))
    assert [row["tally"] for row in rows["directives"] if row["id"] == new] == [{"complied": len(TARGETS)}]
    assert {row["state"] for row in rows["items"] if row["directive"] == old} <= {"ended", "withdrawn"}


async def test_of_two_successors_declared_at_once_one_is_told_of_the_other(database: Database, commands: Commands) -> None:
    for number in (1, 2, 3):
        await commands.run(lambda unit, number=number: submit(unit, make_order(number, *TARGETS)))  # type: ignore[misc]

    def declare(number: int) -> Callable[[Unit], Awaitable[Any]]:
        return lambda unit: supersede(unit, Supersede(directive=directive_id(1), by=directive_id(number), memo=None))

    done = await at_once(commands.run(declare(2)), commands.run(declare(3)), commands.run(comply(2)), commands.run(comply(3)))

    rows = await check(database)
    assert sorted(isinstance(outcome, Refusal) for outcome in done[:2]) == [False, True]
    assert [row["supersedes"] for row in rows["directives"]].count(directive_id(1)) == 1
    assert claimants(rows) == dict.fromkeys(TARGETS, frozenset({directive_id(2), directive_id(3)}))


async def test_an_unblock_and_new_claims_of_its_authority_at_once_end_in_one_order_or_the_other(
    database: Database, commands: Commands
) -> None:
    await two_directives(commands)
    await commands.run(comply(1))
    unblock = make_order(3, *TARGETS, kind="unblock", comply_at_intake=True)

    await at_once(commands.run(lambda unit: submit(unit, unblock)), commands.run(comply(2)), commands.run(lift(1)))

    rows = await check(database)
    assert {directive_id(1)} not in set(claimants(rows).values())
    assert set(claimants(rows).values()) in ({frozenset()}, {frozenset({directive_id(2)})})


async def test_decisions_on_one_directive_at_once_keep_revisions_and_tally(database: Database, commands: Commands) -> None:
    await two_directives(commands)

    await at_once(*(commands.run(comply(1, named)) for named in TARGETS))

    rows = await check(database)
    (row,) = (row for row in rows["directives"] if row["id"] == directive_id(1))
    revisions = [event["revision"] for event in rows["case_events"] if event["directive"] == directive_id(1)]
    assert row["tally"] == {"complied": len(TARGETS)}
    assert sorted(revisions) == list(range(1, row["revision"] + 1))


async def test_a_batch_that_is_taken_back_by_many_at_once_is_taken_back_once(database: Database, commands: Commands) -> None:
    await two_directives(commands)
    for _ in range(ROUNDS):
        await commands.run(comply(1, *TARGETS))
        (made,) = (await database.read(all_rows))["batches"][-1:]
        command = Undo(batch=made["id"], memo="why", approvers=())

        take_back = partial(undo_batch, command=command)
        done = await at_once(*(commands.run(take_back) for _ in range(4)))

        assert sum(isinstance(outcome, Refusal) for outcome in done) == 3
        assert claimants(await check(database)) == dict.fromkeys(TARGETS, frozenset())


async def test_a_batch_is_taken_back_while_others_claim_the_same_keys(database: Database, commands: Commands) -> None:
    await two_directives(commands)
    for _ in range(ROUNDS):
        await commands.run(comply(1, *TARGETS))
        (made,) = (await database.read(all_rows))["batches"][-1:]
        command = Undo(batch=made["id"], memo="why", approvers=())

        undone, complied = await at_once(
            commands.run(partial(undo_batch, command=command)),
            commands.run(comply(2, *TARGETS[::-1])),
        )

        assert not isinstance(undone, Refusal)
        assert not isinstance(complied, Refusal)
        assert claimants(await check(database)) == dict.fromkeys(TARGETS, frozenset({directive_id(2)}))
        await at_once(commands.run(lift(2, *TARGETS)))


async def test_a_replay_locks_directives_in_the_order_in_which_everybody_does(database: Database) -> None:
    """The one that came first has the higher id: a command that locks both would wait for the replay, and it for the command."""
    commands = make_commands(database, FakeClock(), topics=ONE_LANE)
    for number in (2, 1):
        await commands.run(partial(submit, order=make_order(number, *TARGETS)))
    await commands.run(lambda unit: replays.start(unit, DirectivesOf(0)))
    row = select(directives.c.id).order_by(directives.c.id)
    async with database._engines.writer.connect() as other, database._engines.writer.connect() as third:
        await other.execute(row.where(directives.c.id == directive_id(1)).with_for_update())
        replaying = asyncio.create_task(commands.run(replays.continue_one))
        await eventually(lambda: waits_for_a_lock(database))
        free = (await third.execute(row.with_for_update(skip_locked=True))).scalars().all()
        await third.rollback()
        await other.rollback()

    assert await replaying
    assert free == [directive_id(2)]


async def waits_for_a_lock(database: Database) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return bool(await database.read(lambda connection: connection.scalar(text(waiting))))
