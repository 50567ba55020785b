"""What a fault is, and how it is counted: only one that took effect counts, and each says how that is known."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from tests.faults.checker.evidence import Place
from tests.faults.monitor import Monitor
from tests.faults.world import World


@dataclass
class Scene:
    """What faults act on. `written`, `garbage`: places of records that the nemesis produced."""

    world: World
    monitor: Monitor
    written: set[Place] = field(default_factory=set)
    garbage: set[Place] = field(default_factory=set)
    plans: int = 0


Inject = Callable[[Scene, Random], Awaitable[bool]]
"""Brings the fault about, holds it, heals it. Answers whether it took effect, which it has looked at and not assumed."""


class Fault(NamedTuple):
    kind: str
    inject: Inject
    weight: int
    needs_kafka: bool = False
    """Only Apache Kafka can be treated so: the wheel's broker loses what it has, and tells clients one address."""


async def until(holds: Callable[[], bool], within: float) -> bool:
    """Whether it held in time."""
    deadline = asyncio.get_running_loop().time() + within
    while not holds():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


async def hold(chance: Random, least: float, most: float) -> None:
    await asyncio.sleep(chance.uniform(least, most))
