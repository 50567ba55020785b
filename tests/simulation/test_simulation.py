"""A thousand histories of relay and consumer in bad weather, and the bugs that they find; `GEOWITHHOLD_HISTORIES` for more."""

import asyncio
import os
from collections import Counter

import pytest

from tests.simulation.history import live
from tests.simulation.loop import SimulatedLoop, Stuck, run
from tests.simulation.mutants import MUTANTS
from tests.simulation.weather import Misfortune

HISTORIES = int(os.environ.get("GEOWITHHOLD_HISTORIES", "1000"))
PER_TEST = 50
SOON = 100
"""A planted bug is found by one of so many histories."""


@pytest.mark.fault(9, 11, 12, 13, 15, 16, 21, 22, 23, 24, 26, 27, 28)
@pytest.mark.parametrize("first", range(0, HISTORIES, PER_TEST))
def test_every_history_keeps_every_promise(first: int) -> None:
    outcomes = [live(seed) for seed in range(first, min(first + PER_TEST, HISTORIES))]

    assert {outcome.seed: outcome.violations for outcome in outcomes if outcome.violations} == {}
    happened = sum((Counter(outcome.happened) for outcome in outcomes), Counter[Misfortune]())
    assert set(+happened) == set(Misfortune)
    assert all(outcome.changes for outcome in outcomes)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_found(name: str) -> None:
    mutant = MUTANTS[name]

    outcomes = (live(seed, mutant.plant, mutant.chances) for seed in range(SOON))

    found = next((outcome for outcome in outcomes if outcome.violations), None)
    assert found is not None
    assert live(found.seed, mutant.plant, mutant.chances) == found


def test_what_was_planted_is_taken_out_again() -> None:
    before = live(3)

    for mutant in MUTANTS.values():
        live(3, mutant.plant)

    assert live(3) == before
    assert before.violations == ()


def test_the_simulated_loop_notices_that_everybody_waits() -> None:
    async def wait_for_nothing() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        run(wait_for_nothing(), SimulatedLoop())
