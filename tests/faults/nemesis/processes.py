"""Faults of our own processes: killed between two steps, killed at any moment, stopped and continued, told to end, regrouped."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import Random

import httpx2
import psutil

from shared.steps import Step
from tests.faults.nemesis.base import Fault, Scene, hold, until
from tests.faults.process import Plan, ask, was_done, withdraw
from tests.faults.world import is_ready

REACHED_WITHIN = 10.0
LONGER_THAN_A_LEASE = 12.0

_STEPS_OF: Mapping[str, Sequence[str]] = {
    "api": ("database.", "command."),
    "relay": ("database.", "relay."),
    "notifier": ("database.", "consumer.", "relay.", "healer."),
}


def steps_of(kind: str) -> list[str]:
    """Where processes of this kind come by."""
    return [step.value for step in Step if step.value.startswith(tuple(_STEPS_OF[kind]))]


def _process(scene: Scene, chance: Random, *kinds: str) -> str:
    """Drawn from all there may be, whether it runs or not, so that the schedule follows from the seed alone."""
    kind = chance.choice(kinds or tuple(_STEPS_OF))
    return chance.choice(scene.world.planned(kind))


async def kill_at_step(scene: Scene, chance: Random) -> bool:
    """The process itself leaves a file when it came to the step, and its death is seen by the supervisor."""
    name = _process(scene, chance)
    before = _deaths(scene, name)
    if not await _at_step(scene, chance, name, "kill"):
        return False
    return await until(lambda: _deaths(scene, name) > before, 5.0)


async def stop_at_step(scene: Scene, chance: Random) -> bool:
    """Stopped where it stands, for so long that others go on without it, and continued."""
    name = _process(scene, chance)
    if not await _at_step(scene, chance, name, "stop"):
        return False
    stopped = await until(lambda: _is_stopped(scene, name), 2.0)
    long = name.startswith("relay") and chance.random() < 0.3
    await asyncio.sleep(LONGER_THAN_A_LEASE if long else chance.uniform(0.5, 3.0))
    _send(scene, name, signal.SIGCONT)
    return stopped


async def _at_step(scene: Scene, chance: Random, name: str, action: str) -> bool:
    scene.plans += 1
    step = chance.choice(steps_of(name.partition("-")[0]))
    plan = Plan(id=f"{scene.plans}-{name}-{step}-{action}", step=step, nth=chance.randint(1, 4), action=action)
    ask(scene.world.plans, name, plan)
    if await until(lambda: was_done(scene.world.plans, plan), REACHED_WITHIN):
        return True
    withdraw(scene.world.plans, name)
    return was_done(scene.world.plans, plan)


async def kill(scene: Scene, chance: Random) -> bool:
    """At a moment of its own."""
    name = _process(scene, chance, "api", "relay", "notifier", "notifier")
    before = _deaths(scene, name)
    _send(scene, name, signal.SIGKILL)
    return await until(lambda: _deaths(scene, name) > before, 5.0)


async def kill_point(scene: Scene, chance: Random) -> bool:
    name = _process(scene, chance, "point")
    before = _deaths(scene, name)
    _send(scene, name, signal.SIGKILL)
    return await until(lambda: _deaths(scene, name) > before, 5.0)


async def pause(scene: Scene, chance: Random) -> bool:
    """SIGSTOP at any moment, SIGCONT later; its connections stay open meanwhile."""
    name = _process(scene, chance, "api", "relay", "notifier", "point")
    _send(scene, name, signal.SIGSTOP)
    stopped = await until(lambda: _is_stopped(scene, name), 2.0)
    long = name.startswith("relay") and chance.random() < 0.3
    await asyncio.sleep(LONGER_THAN_A_LEASE if long else chance.uniform(0.5, 4.0))
    _send(scene, name, signal.SIGCONT)
    return stopped


async def terminate(scene: Scene, chance: Random) -> bool:
    """SIGTERM under load: it may take its time to drain, and is brought back."""
    name = _process(scene, chance)
    before = _deaths(scene, name)
    _send(scene, name, signal.SIGTERM)
    return await until(lambda: _deaths(scene, name) > before, 45.0)


async def rebalance(scene: Scene, chance: Random) -> bool:
    """The group goes from two members to three, to one, and to two again, while it works."""
    world = scene.world
    first, second, third = world.planned("notifier")[0], world.planned("notifier")[1], world.spare
    world.add(third)
    joined = await _came_up(scene, third)
    for name in (second, third):
        await asyncio.to_thread(world.supervisor.remove, name)
        await hold(chance, 0.5, 1.5)
    alone = first in world.supervisor.pids() and second not in world.supervisor.pids()
    world.add(second)
    return await _came_up(scene, second) and joined and alone


async def _came_up(scene: Scene, name: str) -> bool:
    async with httpx2.AsyncClient(timeout=2.0) as http:
        for _ in range(100):
            if await is_ready(http, scene.world.url(name)):
                return True
            await asyncio.sleep(0.2)
    return False


def continue_all(scene: Scene) -> None:
    for name in scene.world.supervisor.pids():
        withdraw(scene.world.plans, name)
        _send(scene, name, signal.SIGCONT)


def _deaths(scene: Scene, name: str) -> int:
    with suppress(KeyError):
        return scene.world.supervisor.deaths(name)
    return 0


def _send(scene: Scene, name: str, what: signal.Signals) -> None:
    pid = scene.world.supervisor.pids().get(name)
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, what)


def _is_stopped(scene: Scene, name: str) -> bool:
    pid = scene.world.supervisor.pids().get(name)
    with suppress(psutil.NoSuchProcess):
        return pid is not None and psutil.Process(pid).status() == psutil.STATUS_STOPPED
    return False


FAULTS = (
    Fault("kill -9 at a step", kill_at_step, 12),
    Fault("kill -9 at any moment", kill, 4),
    Fault("kill -9 of a point", kill_point, 1),
    Fault("SIGSTOP of a service", pause, 5),
    Fault("SIGSTOP at a step", stop_at_step, 4),
    Fault("SIGTERM", terminate, 2),
    Fault("rebalance 2, 3, 1, 2", rebalance, 1),
)
