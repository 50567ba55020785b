"""The whole product as real processes on loopback, with a proxy between each kind of service and what it depends on.

    clients -> api-1, api-2 -> [api-db] -> PostgreSQL <- [relay-db] <- relay-1, relay-2 -> [relay-kafka] -> Kafka
               notifier-1, notifier-2 -> [notifier-db] -> PostgreSQL, [notifier-kafka] -> Kafka;   points -> Kafka

A supervisor brings back what dies. What the nemesis, the monitor and the checker do goes past the proxies.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from shared.kafka import ensure_topics
from shared.topics import Topics
from tests.faults.brokers import FaultyBroker
from tests.faults.checker.evidence import Point
from tests.faults.orders import PLACES
from tests.faults.process import FOLDER, MUTANT
from tests.support.postgres import ControlledPostgres, controlled_postgres
from tests.support.proxy import Proxy, proxied
from tools.broker import HOST, free_port, tail
from tools.supervisor import ROOT, Say, Service, Supervisor

POSTGRES = {"max_connections": "200"}
READY_WITHIN = 90.0
ACK_WITHIN = 3600
"""Seconds: no point is late in a run, unless the clock jumps far."""

DATABASES = ("blocklist", "notifier")
DATABASE_PROXIES = ("api-db", "relay-db", "notifier-db")
POINTS = {"edge": frozenset(PLACES), "cdn": frozenset({"PK", "FR"})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many of each there are. `mutant` is the bug planted in every process."""

    folder: Path
    apis: int = 2
    relays: int = 2
    notifiers: int = 2
    mutant: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class World:
    """Runs. `proxies` by name; `services` are all that may be started and stopped, whether they run now or not."""

    shape: Shape
    postgres: ControlledPostgres
    broker: FaultyBroker
    proxies: Mapping[str, Proxy]
    supervisor: Supervisor
    ports: dict[str, int] = field(default_factory=dict)
    topics: Topics = field(default_factory=Topics)

    @property
    def plans(self) -> Path:
        return self.shape.folder / "plans"

    @property
    def clock_file(self) -> Path:
        return self.shape.folder / "clock.json"

    @property
    def log_dir(self) -> Path:
        return self.shape.folder / "log"

    @property
    def spare(self) -> str:
        """A notifier that is started for a while only."""
        return f"notifier-{self.shape.notifiers + 1}"

    def planned(self, kind: str) -> list[str]:
        """The processes of this kind that are meant to run."""
        if kind == "point":
            return [f"point-{name}" for name in POINTS]
        count = {"api": self.shape.apis, "relay": self.shape.relays, "notifier": self.shape.notifiers}[kind]
        return [f"{kind}-{number}" for number in range(1, count + 1)]

    @property
    def names(self) -> Sequence[str]:
        return [name for name in self.ports if name in self.supervisor.pids()]

    @property
    def api_urls(self) -> list[str]:
        return [f"http://{HOST}:{port}" for name, port in self.ports.items() if name.startswith("api-")]

    def url(self, name: str) -> str:
        return f"http://{HOST}:{self.ports[name]}"

    @property
    def points(self) -> list[Point]:
        return [Point(name, places) for name, places in POINTS.items()]

    def point_log(self, name: str) -> Path:
        return self.shape.folder / f"point-{name}.jsonl"

    def add(self, name: str) -> None:
        self.supervisor.add(self.service(name))

    def service(self, name: str) -> Service:
        kind = name.partition("-")[0]
        arguments = {
            "api": ("services.blocklist", "api"),
            "relay": ("services.blocklist", "relay"),
            "notifier": ("services.notifier", "run"),
        }
        argv = [sys.executable, "-m", "tests.faults.process", name, *arguments[kind]] if kind in arguments else self._point(name)
        return Service(name=name, argv=argv, env=self._env(name, kind), log_path=self.log_dir / f"{name}.log")

    def _point(self, name: str) -> list[str]:
        point = name.partition("-")[2]
        pause = str(self.broker.idle_pause_ms)
        where = [point, self.broker.bootstrap, str(self.point_log(point)), pause, *sorted(POINTS[point])]
        return [sys.executable, "-m", "tests.faults.point", *where]

    def _env(self, name: str, kind: str) -> dict[str, str]:
        databases = {"api": "api-db", "relay": "relay-db", "notifier": "notifier-db"}
        through = self.proxies[databases[kind]].port if kind in databases else self.postgres.port
        env = {
            **os.environ,
            "BLOCKLIST_PORT": str(self.ports.get(name, 1)),
            "BLOCKLIST_RELAY_PORT": str(self.ports.get(name, 1)),
            "NOTIFIER_PORT": str(self.ports.get(name, 1)),
            "NOTIFIER_INSTANCE": name,
            "BLOCKLIST_DATABASE_URL": self.postgres.url("blocklist", port=through),
            "NOTIFIER_DATABASE_URL": self.postgres.url("notifier", port=through),
            "KAFKA_BOOTSTRAP_SERVERS": self.broker.addresses.get(kind, self.broker.bootstrap),
            "BLOCKLIST_URL": self.api_urls[0],
            "GEOWITHHOLD_VAR": str(self.shape.folder),
            "GEOWITHHOLD_CLOCK_FILE": str(self.clock_file),
            "GEOWITHHOLD_LOG_LEVEL": "WARNING",
            "KAFKA_IDLE_PAUSE_MS": str(self.broker.idle_pause_ms),
            "GEOWITHHOLD_UNREADY_SECONDS": "0.5",
            "PYTHONUNBUFFERED": "1",
            FOLDER: str(self.plans),
            **self.shape.environ,
        }
        return env | ({MUTANT: self.shape.mutant} if self.shape.mutant else {})


@asynccontextmanager
async def running_world(shape: Shape, broker: FaultyBroker) -> AsyncIterator[World]:
    """Everything up, migrated, ready and registered inside the block; everything stopped after it."""
    (shape.folder / "plans").mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as held:
        postgres = await asyncio.to_thread(held.enter_context, controlled_postgres(None, **POSTGRES))
        proxies = {name: await held.enter_async_context(proxied((HOST, postgres.port))) for name in DATABASE_PROXIES}
        proxies |= await held.enter_async_context(broker.running())
        supervisor = Supervisor(say=_say_to(shape.folder / "supervisor.log"))
        world = World(shape=shape, postgres=postgres, broker=broker, proxies=proxies, supervisor=supervisor)
        meant = [name for kind in ("api", "relay", "notifier") for name in world.planned(kind)]
        world.ports |= {name: free_port() for name in (*meant, world.spare)}
        for name in DATABASES:
            await asyncio.to_thread(_migrated, world, name)
        await ensure_topics(broker.bootstrap, world.topics.specs())  # before a reader makes them, in the way of its broker
        await asyncio.to_thread(held.enter_context, supervisor)
        for name in (*meant, *world.planned("point")):
            world.add(name)
        await _ready(world)
        yield world


def _migrated(world: World, name: str) -> None:
    """Makes the database and its tables, past the proxies."""
    world.postgres.run(f"CREATE DATABASE {name}")
    env = world._env("migrate", "migrate")
    log = world.log_dir / f"{name}-migrate.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", f"services.{name}", "migrate"]
    with log.open("wb") as out:
        done = subprocess.run(argv, env=env, cwd=ROOT, check=False, stdout=out, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise RuntimeError(f"{name} could not be migrated:\n{tail(log)}")


async def _ready(world: World) -> None:
    deadline = asyncio.get_running_loop().time() + READY_WITHIN
    async with httpx2.AsyncClient(timeout=5.0) as http:
        for name in world.names:
            while not await is_ready(http, world.url(name)):
                if asyncio.get_running_loop().time() > deadline:
                    raise TimeoutError(f"{name} is not ready:\n{tail(world.log_dir / f'{name}.log')}")
                await asyncio.sleep(0.1)
        for point in world.points:
            body = {"jurisdictions": sorted(point.places), "ack_within_seconds": ACK_WITHIN}
            answer = await http.put(f"{world.url('notifier-1')}/v1/enforcement-points/{point.name}", json=body)
            answer.raise_for_status()


async def is_ready(http: httpx2.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/readyz")).is_success
    except httpx2.TransportError:
        return False


def _say_to(path: Path) -> Say:
    def say(line: str) -> None:
        with path.open("a") as log:
            log.write(line + "\n")

    return say
