"""The one clock that ends claims."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.blocklist.expiry import Expiry
from services.blocklist.handlers.endings import Act, expire, rescind
from services.blocklist.handlers.interim import lapse
from services.blocklist.handlers.submit import submit
from shared.db import Database
from tests.support.blocklist import all_rows, make_commands, migrated
from tests.support.builders import NOON, directive_id, make_order
from tests.support.eventually import eventually
from tests.support.fakes import FakeClock

HOUR = timedelta(hours=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with migrated(database_url) as opened:
        yield opened


async def order(database: Database, number: int, expires_in: timedelta | None) -> None:
    expires_at = NOON + expires_in if expires_in else None
    await make_commands(database, FakeClock()).run(
        lambda unit: submit(unit, make_order(number, expires_at=expires_at, comply_at_intake=True))
    )


def expiry_at(database: Database, clock: FakeClock) -> Expiry:
    return Expiry(database=database, commands=make_commands(database, clock), clock=clock)


async def statuses(database: Database) -> list[str]:
    return [row["status"] for row in (await database.read(all_rows))["directives"]]


async def test_directives_end_when_their_time_has_come_and_no_sooner(database: Database) -> None:
    clock = FakeClock()
    for number, expires_in in ((1, HOUR), (2, 2 * HOUR), (3, None)):
        await order(database, number, expires_in)
    expiry = expiry_at(database, clock)

    early = await expiry.run_once()
    clock.advance(HOUR)
    due = await expiry.run_once()

    assert (early, due) == (0, 1)
    assert await statuses(database) == ["expired", "in_force", "in_force"]


async def test_a_directive_that_is_not_due_or_has_ended_is_left_alone(database: Database) -> None:
    clock = FakeClock()
    commands = make_commands(database, clock)
    for number, expires_in in ((1, HOUR), (2, HOUR), (3, None)):
        await order(database, number, expires_in)
    early = await commands.run(lambda unit: expire(unit, directive_id(1)))
    await commands.run(lambda unit: rescind(unit, Act(directive=directive_id(2), selection="all", memo=None)))
    clock.advance(HOUR)
    before = await database.read(all_rows)

    ended, without_end = [
        await commands.run(lambda unit, number=number: expire(unit, directive_id(number)))  # type: ignore[misc]
        for number in (2, 3)
    ]

    assert (early, ended, without_end) == (None, None, None)
    assert await database.read(all_rows) == before


async def test_an_interim_directive_lapses_once_and_no_sooner_than_its_time(database: Database) -> None:
    clock = FakeClock()
    commands = make_commands(database, clock)
    interim = make_order(1, comply_at_intake=True, interim=True, lapses_at=NOON + HOUR)
    await commands.run(lambda unit: submit(unit, interim))
    await order(database, 2, None)

    early = [await commands.run(lambda unit, number=number: lapse(unit, directive_id(number))) for number in (1, 2)]  # type: ignore[misc]
    clock.advance(HOUR)
    ended = await asyncio.gather(*(expiry_at(database, clock).run_once() for _ in range(5)))

    assert (early, sum(ended)) == ([None, None], 1)
    assert await statuses(database) == ["interim_lapsed", "in_force"]


async def test_a_directive_expires_once_whoever_looks_first(database: Database) -> None:
    clock = FakeClock()
    await order(database, 1, HOUR)
    clock.advance(HOUR)

    ended = await asyncio.gather(*(expiry_at(database, clock).run_once() for _ in range(5)))

    assert sum(ended) == 1
    assert [row["version"] for row in (await database.read(all_rows))["withholdings"]] == [2]


async def test_a_look_that_fails_is_made_again(database: Database) -> None:
    clock, stop, looks = FakeClock(), asyncio.Event(), 0
    await order(database, 1, HOUR)
    clock.advance(HOUR)

    def failing_at_first() -> object:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ConnectionError("the database is away")
        return clock()

    expiry = Expiry(database=database, commands=make_commands(database, clock), clock=failing_at_first)  # type: ignore[arg-type]
    working = asyncio.create_task(expiry.run(stop))

    async def expired() -> bool:
        return await statuses(database) == ["expired"]

    await eventually(expired)
    stop.set()
    await working
