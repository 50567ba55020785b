"""The notifier's connection is lost in COMMIT: its offset says what became of the batch, and no effect happens twice."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from services.notifier.consumer import Turn
from services.notifier.tables import offsets
from shared.db import Database, OutcomeUnknown, opened
from tests.integration.notifier.fakes import ENFORCEMENTS, TOPICS, WITHHOLDINGS, FakeKafka
from tests.integration.notifier.rig import Rig
from tests.integration.notifier.world import World
from tests.support.eventually import eventually
from tests.support.proxy import Effect, Proxy, proxied
from tests.unit.notifier.builders import report, withholding

COMMIT = b"COMMIT;"


def commit_lost(proxy: Proxy) -> None:
    proxy.cut_at(COMMIT)


def answer_lost(proxy: Proxy) -> None:
    proxy.cut_answer_to(COMMIT)


@pytest.fixture
async def proxy(migrated_postgres: str) -> AsyncIterator[Proxy]:
    folder = parse_qs(urlsplit(migrated_postgres).query)["host"][0]
    async with proxied(Path(folder) / ".s.PGSQL.5432") as running:
        yield running


@pytest.fixture
async def far_world(postgres_world: World, migrated_postgres: str, proxy: Proxy) -> AsyncIterator[World]:
    """The same tables by way of the proxy."""
    name = urlsplit(migrated_postgres).path
    async with opened(Database(f"postgresql://postgres@{proxy.address}{name}")) as database:
        yield World(database)


@pytest.mark.postgres
@pytest.mark.fault(3)
@pytest.mark.parametrize("fault", [commit_lost, answer_lost])
async def test_a_batch_whose_commit_was_cut_off_takes_effect_once(
    postgres_world: World, far_world: World, proxy: Proxy, kafka: FakeKafka, fault: Callable[[Proxy], None]
) -> None:
    await far_world.register()
    kafka.write(WITHHOLDINGS, withholding(), withholding(version=2))
    kafka.write(ENFORCEMENTS, report())
    rig = Rig(far_world, kafka)
    fault(proxy)

    await eventually(lambda: idle(rig))

    assert proxy.took[Effect.CUT] == 1
    assert sorted(await postgres_world.rows(select(offsets.c.topic, offsets.c.next_offset))) == [
        (TOPICS.enforcements, 1),
        (TOPICS.withholdings, 2),
    ]
    assert await postgres_world.present() == {"IN/account:a": (2, "released")}
    assert await postgres_world.answers() == [("search", "account:a", 2, "pending")]


async def idle(rig: Rig) -> bool:
    return await rig.turn() is Turn.IDLE


@pytest.mark.postgres
@pytest.mark.fault(3)
async def test_what_became_of_a_single_write_is_not_guessed(far_world: World, proxy: Proxy) -> None:
    answer_lost(proxy)

    with pytest.raises(OutcomeUnknown):
        await far_world.withhold(withholding())

    assert proxy.took[Effect.CUT] == 1
