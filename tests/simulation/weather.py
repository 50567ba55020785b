"""How likely each misfortune is, in a history. It rains by seed, and stops when the history is to come to rest."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Misfortune(StrEnum):
    REFUSED = "the broker refuses a batch"
    ACK_LOST = "a batch arrives and its acknowledgement is lost"
    LATE = "a batch arrives after its sender gave up"
    HALF = "half of the batches arrive"
    RECORD_LOST = "the broker loses what it acknowledged"
    COMMIT_LOST = "a transaction commits and nobody hears of it"
    COMMIT_FAILED = "a transaction is rolled back"
    REDELIVERED = "records are delivered again"
    REBALANCED = "partitions move in the middle of a batch"
    STALLED = "nothing comes to a consumer any more, and nobody says so"
    KILLED = "a process dies between two steps"
    PAUSED = "a process stands still while others go on"


Chances = Mapping[Misfortune, float]


@dataclass
class Weather:
    """`chances` are per occasion. `happened` counts what took effect."""

    rng: random.Random
    chances: dict[Misfortune, float] = field(default_factory=dict)
    happened: Counter[Misfortune] = field(default_factory=Counter)

    def strikes(self, misfortune: Misfortune) -> bool:
        chance = self.chances.get(misfortune, 0.0)
        struck = chance > 0 and self.rng.random() < chance
        self.happened[misfortune] += struck
        return struck

    def clear_up(self) -> None:
        self.chances.clear()

    async def some_time(self, longest: float) -> None:
        """Something takes a while."""
        await asyncio.sleep(self.rng.random() * longest)


def storm(rng: random.Random) -> Weather:
    """Of every misfortune somewhat, none, or a lot: each history has weather of its own."""
    return Weather(rng, {kind: rng.choice((0.0, 0.02, 0.08, 0.2)) for kind in Misfortune})
