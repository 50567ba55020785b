"""The promise of the version rule, for any order of arrival: the same end as if nothing had gone wrong."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.holes import Hole
from services.notifier.handlers.healing import heal_key
from services.notifier.store.figures import figures
from services.notifier.tables import metadata, version_holes, withholding_history, withholdings
from shared.events import WithholdingChanged
from shared.ids import Jurisdiction, Key
from tests.integration.notifier.world import World
from tests.unit.notifier.builders import withholding

TARGETS = ("account:a", "account:b")
CAUSES = st.sampled_from(["platform_decision", "error", "rescinded"])


@dataclass(frozen=True, slots=True)
class Story:
    """What the blocklist published, per key without holes, and how it arrived, in batches."""

    published: Sequence[WithholdingChanged]
    arrived: Sequence[Sequence[WithholdingChanged]]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    published = [
        withholding(target, version, cause=draw(CAUSES))
        for target in TARGETS
        for version in range(1, draw(st.integers(1, 6)) + 1)
    ]
    arrived = draw(st.lists(st.sampled_from(published), min_size=1, max_size=20))
    cuts = sorted(draw(st.lists(st.integers(0, len(arrived)), max_size=4)))
    bounds = [0, *cuts, len(arrived)]
    return Story(published, [arrived[start:end] for start, end in itertools.pairwise(bounds)])


@given(story=stories())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.fault(26)
async def test_any_order_of_arrival_ends_as_if_nothing_had_gone_wrong(sqlite_world: World, story: Story) -> None:
    await empty(sqlite_world)
    for batch in story.arrived:
        await sqlite_world.withhold(*batch)
    await heal(sqlite_world, story.published)
    disturbed = await ending(sqlite_world)
    await empty(sqlite_world)

    await sqlite_world.withhold(*story.published)

    assert disturbed == await ending(sqlite_world)


async def heal(world: World, published: Sequence[WithholdingChanged]) -> None:
    """As the blocklist would be asked, for every key; it has published the last versions, so they arrive as well."""
    for target in TARGETS:
        versions = [event for event in published if event.target == target]
        key = Key(Jurisdiction("IN"), versions[0].target)
        assert await world.commands.run(partial(heal_key, key=key, hole=Hole(1, None), versions=versions))


async def ending(world: World) -> object:
    """All that is known of withholdings, and the counts that follow from it."""
    counted = await world.database.read(figures)
    return (
        sorted(await world.rows(select(*withholdings.c)), key=str),
        sorted(await world.rows(select(*withholding_history.c)), key=str),
        await world.rows(select(*version_holes.c)),
        counted,
    )


async def empty(world: World) -> None:
    async def work(connection: AsyncConnection) -> None:
        for table in metadata.sorted_tables:
            await connection.execute(delete(table))

    await world.database.write(work)
