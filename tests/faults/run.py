"""One run: `python -m tests.faults.run --seed S --operations N --faults F --broker apache|wheel --minutes M`.

Clients work and the nemesis torments until there are so many acts and faults; then everything is healed, comes to rest, and is
checked. Prints what happened and the verdict, and writes it to `summary.json` beside the history. Ends with 1 if a promise was
broken.
"""

import argparse
import asyncio
import itertools
import logging
import pickle
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults.brokers import make_broker
from tests.faults.checker import check
from tests.faults.checker.evidence import Deliberate, Evidence, Violation
from tests.faults.clients import Pace, Talk
from tests.faults.collect import Sources, collect
from tests.faults.generator import Client
from tests.faults.history import History
from tests.faults.monitor import Monitor, quiet, unrest
from tests.faults.nemesis import Nemesis
from tests.faults.nemesis.base import Scene
from tests.faults.process import swallowed
from tests.faults.summary import Outcome, show, summary_of, write
from tests.faults.world import POINTS, Shape, World, running_world
from tools.supervisor import ROOT

QUIET_WITHIN = 300.0
OVERTIME = 1.6
"""A run goes on beyond its time while acts or faults are missing, but not for longer than this many times of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    seed: int
    operations: int
    faults: int
    minutes: float
    broker: str = "wheel"
    clients: int = 4
    out: Path
    mutant: str | None = None
    only: str = ""
    quiet_within: float = QUIET_WITHIN

    @property
    def history(self) -> Path:
        return self.out / "history.jsonl"


@dataclass(kw_only=True)
class Run:
    """A world with clients and a nemesis in it."""

    settings: Settings
    world: World
    history: History
    monitor: Monitor
    nemesis: Nemesis
    quiet_after: float | None = None

    async def live(self) -> None:
        """Work under faults, healing, rest."""
        stop = asyncio.Event()
        pace = Pace(self.history, self.settings.operations, self.settings.minutes * 60, stop)
        talks = [Talk(client, self.history, lambda: self.world.api_urls) for client in self._clients()]
        working = [asyncio.create_task(talk.work(pace)) for talk in talks]
        if self.settings.faults:
            torment = asyncio.Event()
            tormenting = asyncio.create_task(self.nemesis.torment(torment))
            await self._long_enough(pace, working)
            torment.set()
            await tormenting
        else:
            await self._long_enough(pace, working)
        stop.set()
        await asyncio.gather(*working)
        self.quiet_after = await quiet(self.monitor, since=time.monotonic(), within=self.settings.quiet_within)
        if self.quiet_after is None and self.monitor.samples:
            self.nemesis.problems.append(f"never at rest: {unrest(self.monitor.samples[-1])}")
        else:
            await self.nemesis.watched()

    def _clients(self) -> Sequence[Client]:
        settings, numbers = self.settings, itertools.count(1)
        issued_at = datetime.now(UTC) - timedelta(hours=3)
        names = [f"s{settings.seed}-{number}" for number in range(settings.clients)]
        return [Client(number, settings.seed, numbers, issued_at, name) for number, name in enumerate(names)]

    async def _long_enough(self, pace: Pace, working: Sequence["asyncio.Task[None]"]) -> None:
        latest = time.monotonic() + self.settings.minutes * 60 * OVERTIME
        told = time.monotonic()
        while time.monotonic() < latest and not (pace.done and self.nemesis.took.total() >= self.settings.faults):
            await asyncio.sleep(0.2)
            for task in working:
                if task.done():
                    task.result()
            if time.monotonic() - told > 30:
                told = time.monotonic()
                print(f"  {self.history.acts} acts, {self.nemesis.took.total()} faults", flush=True)

    async def evidence(self) -> Evidence:
        """Of a world in which nothing moves any more: only database and broker still run."""
        await asyncio.to_thread(self.world.supervisor.stop)
        world, scene = self.world, self.nemesis.scene
        sources = Sources(
            history=self.settings.history,
            blocklist=world.postgres.url("blocklist"),
            notifier=world.postgres.url("notifier"),
            bootstrap=world.broker.bootstrap,
            topics=world.topics,
            points=world.points,
            point_logs={name: world.point_log(name) for name in POINTS},
        )
        deliberate = Deliberate(
            written=frozenset(scene.written), garbage=frozenset(scene.garbage), removed=swallowed(world.plans)
        )
        return await collect(sources, moments=self.monitor.moments, deliberate=deliberate, quiet_after=self.quiet_after)


async def carry_out(settings: Settings) -> Outcome:
    """The whole run. Everything that it started has stopped when it returns."""
    _begin(settings)
    began = time.monotonic()
    with History(settings.history) as history:
        shape = Shape(folder=settings.out, mutant=settings.mutant)
        async with running_world(shape, make_broker(settings.broker, settings.out)) as world:
            monitor = Monitor(world)
            nemesis = Nemesis(Scene(world, monitor), history, settings.seed, settings.only)
            looking = asyncio.create_task(monitor.run())
            run = Run(settings=settings, world=world, history=history, monitor=monitor, nemesis=nemesis)
            try:
                await run.live()
                found = await run.evidence()
            finally:
                looking.cancel()
                with suppress(asyncio.CancelledError):
                    await looking
    violations = check(found)
    _keep(settings, found, violations)
    return summary_of(found, violations, nemesis, history, broker=settings.broker, seconds=time.monotonic() - began)


def _begin(settings: Settings) -> None:
    """An empty folder: what an earlier run left there, its broker's data above all, would be taken for this one's."""
    if settings.history.exists():
        shutil.rmtree(settings.out)
    settings.out.mkdir(parents=True, exist_ok=True)


def _keep(settings: Settings, found: Evidence, violations: Sequence[Violation]) -> None:
    """The evidence, where something is wrong: the databases that it is from are gone after the run."""
    (settings.out / "violations.txt").write_text("".join(f"{each}\n" for each in violations))
    if violations:
        with (settings.out / "evidence.pickle").open("wb") as file:
            pickle.dump(found, file)


async def main(argv: Sequence[str]) -> int:
    settings = _settings(argv)
    logging.disable(logging.CRITICAL)  # clients of a broker that is down on purpose say so, again and again
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    print(f"seed {settings.seed}, history {settings.history}", flush=True)
    outcome = await carry_out(settings)
    write(settings.out / "summary.json", outcome)
    show(outcome, settings.out)
    return 1 if outcome["violations"] else 0


def _settings(argv: Sequence[str]) -> Settings:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description="Clients, faults, and a verdict.")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1_000_000)
    parser.add_argument("--operations", type=int, default=5_000, help="acts on one target, so many that were accepted")
    parser.add_argument("--faults", type=int, default=20, help="so many that took effect; 0: none at all")
    parser.add_argument("--minutes", type=float, default=2.0, help="over which the acts are spread")
    parser.add_argument("--broker", choices=("apache", "wheel"), default="wheel")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--mutant", help="a bug to plant in every process")
    parser.add_argument("--only", default="", help="faults with this in their name alone")
    parser.add_argument("--out", type=Path, help="where everything is written; build/faults/SEED if not said")
    found = parser.parse_args(argv)
    given = vars(found) | {"out": (found.out or ROOT / "build" / "faults" / str(found.seed)).resolve()}
    return Settings(**given)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
