"""The nemesis: several workers, each with a seeded schedule of its own, bring faults about one after the other.

The seed decides which faults come in which order, on whom, and for how long; not what the processes are doing at that moment.
Each fault that took effect is in the history with the time it took everything to recover.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.faults.history import History
from tests.faults.monitor import recovered
from tests.faults.nemesis import network, processes, records, stores
from tests.faults.nemesis.base import Fault, Scene

WORKERS: Mapping[str, Sequence[Fault]] = {
    "processes": processes.FAULTS,
    "network": network.FAULTS,
    "stores": stores.FAULTS,
    "records": records.FAULTS,
}
PAUSES: Mapping[str, float] = {"processes": 4.0, "network": 4.0, "stores": 12.0, "records": 6.0}
"""Seconds between two faults of one worker, on average."""

RECOVERED_WITHIN = 240.0


@dataclass
class Nemesis:
    scene: Scene
    history: History
    seed: int
    only: str = ""
    """A part of the names of the kinds of fault that there may be."""
    took: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)
    _numbers: int = 0
    _watching: set["asyncio.Task[None]"] = field(default_factory=set)

    async def torment(self, stop: asyncio.Event) -> None:
        """Faults from all workers until told to stop; then everything is healed."""
        await asyncio.gather(*(self._work(name, faults, stop) for name, faults in WORKERS.items()))
        await self.heal()

    async def heal(self) -> None:
        """Everything runs, and nothing stands in its way."""
        world = self.scene.world
        for proxy in world.proxies.values():
            proxy.restore()
        stores.right_clock(self.scene)
        await stores.revive(self.scene)
        processes.continue_all(self.scene)

    async def watched(self) -> None:
        """Until every fault's time to recover is known."""
        if self._watching:
            await asyncio.wait(self._watching)

    async def _work(self, name: str, faults: Sequence[Fault], stop: asyncio.Event) -> None:
        chance = Random(f"{self.seed}/{name}")  # noqa: S311 (to be repeated, not to be secret)
        durable = self.scene.world.broker.durable
        possible = [fault for fault in faults if self.only in fault.kind and (durable or not fault.needs_kafka)]
        weights = [fault.weight for fault in possible]
        while possible and not stop.is_set():
            fault = chance.choices(possible, weights)[0]
            await self._bring_about(fault, Random(chance.getrandbits(64)))  # noqa: S311
            await _pause(stop, chance.expovariate(1 / PAUSES[name]))

    async def _bring_about(self, fault: Fault, chance: Random) -> None:
        self._numbers += 1
        number = self._numbers
        self.history.write("fault", {"fault": number, "kind": fault.kind})
        try:
            took = await fault.inject(self.scene, chance)
        except Exception as error:  # noqa: BLE001 (another fault was in its way: it did not take effect)
            took = False
            self.problems.append(f"{fault.kind}: {error!r}")
        healed_at = time.monotonic()
        self.history.write("healed", {"fault": number, "kind": fault.kind, "took": took})
        (self.took if took else self.missed)[fault.kind] += 1
        if took:
            watching = asyncio.create_task(self._watch(number, fault.kind, healed_at))
            self._watching.add(watching)
            watching.add_done_callback(self._watching.discard)

    async def _watch(self, number: int, kind: str, healed_at: float) -> None:
        try:
            seconds = await asyncio.wait_for(recovered(self.scene.monitor, healed_at), RECOVERED_WITHIN)
        except TimeoutError:
            self.problems.append(f"{kind}: not recovered within {RECOVERED_WITHIN:g} s")
            return
        self.recoveries[kind].append(seconds)
        self.history.write("recovered", {"fault": number, "kind": kind, "seconds": round(seconds, 3)})


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), min(seconds, 20.0))
    except TimeoutError:
        return
