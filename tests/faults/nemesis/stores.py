"""Faults of the database, the broker and the clock."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import asyncpg
import psutil

from shared.clock import set_clock
from tests.faults.nemesis.base import Fault, Scene, hold, until
from tests.faults.world import POSTGRES
from tests.support.postgres import Stop
from tools.broker import BrokerError

FAR = timedelta(minutes=50)
TRIES = 5


async def restart_postgres(scene: Scene, chance: Random) -> bool:
    """Told to hurry, told to drop everything, or killed with all its processes; then down for a while."""
    postgres = scene.world.postgres
    await asyncio.to_thread(postgres.stop, chance.choice(list(Stop)))
    ended = not postgres.running
    await hold(chance, 0.0, 1.5)
    await revive(scene)
    return ended


async def revive(scene: Scene) -> None:
    """Database and broker run again, whatever ended them; on a busy machine that may take more than one try."""
    postgres, broker = scene.world.postgres, scene.world.broker
    last: Exception | None = None
    for _ in range(TRIES):
        try:
            if not postgres.running:
                await asyncio.to_thread(partial(postgres.start, **POSTGRES))
            await asyncio.to_thread(broker.start)
        except (BrokerError, TimeoutError, RuntimeError) as error:
            last = error
            await asyncio.sleep(1.0)
        else:
            return
    raise RuntimeError("database or broker cannot be started any more") from last


async def freeze_postgres(scene: Scene, chance: Random) -> bool:
    postgres = scene.world.postgres
    await asyncio.to_thread(postgres.freeze)
    held = postgres._process is not None and psutil.Process(postgres._process.pid).status() == psutil.STATUS_STOPPED
    await hold(chance, 0.5, 3.0)
    await asyncio.to_thread(postgres.thaw)
    return held


async def restart_broker(scene: Scene, chance: Random) -> bool:
    broker = scene.world.broker
    await asyncio.to_thread(broker.stop)
    ended = broker.pid is None
    await hold(chance, 0.0, 2.0)
    await revive(scene)
    return ended


async def kill_broker(scene: Scene, chance: Random) -> bool:
    broker = scene.world.broker
    await asyncio.to_thread(broker.kill)
    ended = broker.pid is None
    await hold(chance, 0.0, 2.0)
    await revive(scene)
    return ended


async def freeze_broker(scene: Scene, chance: Random) -> bool:
    pid = scene.world.broker.pid
    if pid is None:
        return False
    os.kill(pid, signal.SIGSTOP)
    held = await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, 2.0)
    await hold(chance, 0.5, 4.0)
    os.kill(pid, signal.SIGCONT)
    return held


async def jump_clock(scene: Scene, chance: Random) -> bool:
    """Most of an hour forth or back, and to the right time again. It took effect if a batch was made at such a time."""
    shift = chance.choice((FAR, -FAR))
    set_clock(scene.world.clock_file, datetime.now(UTC) + shift)
    try:
        return await _was_lived(scene, shift, within=chance.uniform(2.0, 5.0))
    finally:
        right_clock(scene)


def right_clock(scene: Scene) -> None:
    set_clock(scene.world.clock_file, datetime.now(UTC))


async def _was_lived(scene: Scene, shift: timedelta, within: float) -> bool:
    deadline = time.monotonic() + within
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        connection = await asyncpg.connect(scene.world.postgres.url("blocklist"), timeout=within)
        try:
            while time.monotonic() < deadline:
                at = await connection.fetchval("SELECT at FROM batches ORDER BY seq DESC LIMIT 1", timeout=within)
                if at is not None and abs(at - datetime.now(UTC) - shift) < timedelta(minutes=5):
                    return True
                await asyncio.sleep(0.1)
        finally:
            connection.terminate()
    return False


FAULTS = (
    Fault("PostgreSQL restarted", restart_postgres, 4),
    Fault("PostgreSQL frozen", freeze_postgres, 3),
    Fault("broker restarted", restart_broker, 1, needs_kafka=True),
    Fault("broker killed", kill_broker, 2, needs_kafka=True),
    Fault("broker frozen", freeze_broker, 3),
    Fault("clock jump", jump_clock, 4),
)
