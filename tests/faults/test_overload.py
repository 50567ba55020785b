"""Ten times as much as can be done: some is done, the rest is refused at once, and the process does not grow."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx2
import pytest

from tests.support.blocklist import NOBODY_LISTENS
from tests.support.builders import later_json
from tests.support.processes import Running, run, started
from tools.broker import free_port

TARGETS = 1600
"""A body of bulk size: what would pile up if refused requests were read and kept."""

AT_ONCE = 6
"""Requests that there is room and queue for: two of bulk under way, four waiting."""

TIMES = 10
PER_CLIENT = 2
GROWTH = 1.3
"""The process may take so many times the memory that it took under the load that it can bear."""

pytestmark = pytest.mark.fault(40)


@contextmanager
def api(url: str, folder: Path) -> Iterator[Running]:
    port = free_port()
    env = {"BLOCKLIST_DATABASE_URL": url, "BLOCKLIST_PORT": str(port), "KAFKA_BOOTSTRAP_SERVERS": NOBODY_LISTENS}
    run("services.blocklist", "migrate", env=env)
    with started("services.blocklist", "api", env=env, port=port, log=folder / "api.log") as running:
        yield running


@dataclass
class Load:
    """Clients that send bulk orders, one after another, and probe in between."""

    url: str
    name: str
    answers: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    probes: Counter[int] = field(default_factory=Counter)
    waits: set[str] = field(default_factory=set)

    async def of(self, clients: int) -> "Load":
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(self._send(number))
        return self

    async def _send(self, number: int) -> None:
        async with httpx2.AsyncClient(base_url=self.url, timeout=120) as client:
            for turn in range(PER_CLIENT):
                name = f"{self.name}-{number}-{turn}"
                body = later_json(*(f"@{name.replace('-', '_')}_{n}_{'x' * 30}" for n in range(TARGETS)), reference=name)
                began = time.monotonic()
                answer = await client.post("/v1/directives", json=body)
                self._note(answer, time.monotonic() - began)
                self.probes[(await client.get("/livez")).status_code] += 1

    def _note(self, answer: httpx2.Response, seconds: float) -> None:
        self.answers[answer.status_code] += 1
        if answer.status_code == HTTPStatus.CREATED:
            self.seconds.append(seconds)
        else:
            self.waits.add(answer.headers["retry-after"])

    def __str__(self) -> str:
        worst = sorted(self.seconds)[int(len(self.seconds) * 0.99) - 1] if self.seconds else 0.0
        return f"{self.name}: {dict(self.answers)}, p99 of what was accepted {worst:.2f} s"


def most_resident(pid: int) -> int:
    """The most that it ever had."""
    return int(Path(f"/proc/{pid}/status").read_text().partition("VmHWM:")[2].split()[0])


async def test_under_ten_times_the_load_the_excess_is_refused_and_memory_stays_flat(
    postgres_database: str, tmp_path: Path
) -> None:
    with api(postgres_database, tmp_path) as running:
        await running.ready()
        bearable = await Load(running.url, "bearable").of(AT_ONCE)
        before = most_resident(running.process.pid)

        over = await Load(running.url, "over").of(AT_ONCE * TIMES)

        after = most_resident(running.process.pid)
        told = httpx2.get(f"{running.url}/metrics").text
    print(bearable, over, f"memory: {before} KiB, then {after} KiB", sep="\n")

    assert bearable.answers[HTTPStatus.CREATED] > 0
    assert set(over.answers) == {HTTPStatus.CREATED, HTTPStatus.SERVICE_UNAVAILABLE}
    assert over.answers.total() == AT_ONCE * TIMES * PER_CLIENT
    assert set(over.probes) == {HTTPStatus.OK}
    assert over.waits <= {"1", "2", "3", "4", "5"}
    assert len(over.waits) > 1
    refused = bearable.answers[HTTPStatus.SERVICE_UNAVAILABLE] + over.answers[HTTPStatus.SERVICE_UNAVAILABLE]
    assert sum(_counted(told, "refused_total", reason) for reason in ("full", "waited")) == refused
    assert after <= before * GROWTH


def _counted(told: str, name: str, reason: str) -> float:
    start = f'geowithhold_requests_{name}{{reason="{reason}",work="bulk"}} '
    return sum(float(line.removeprefix(start)) for line in told.splitlines() if line.startswith(start))
