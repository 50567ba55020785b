"""SIGTERM under load: unready first, then what is under way is finished, then the process is gone, with 0 and within its time."""

import asyncio
import random
import signal
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.db import Database
from shared.serve import DRAIN_SECONDS
from shared.tasks import STOP_WITHIN
from tests.support.blocklist import NOBODY_LISTENS, all_rows
from tests.support.builders import order_json
from tests.support.eventually import eventually
from tests.support.processes import Running, run, started, status_of
from tools.broker import HOST, free_port

UNREADY = 1.0
"""Long enough for our router, which asks ten times a second, to notice."""

WITHIN = UNREADY + DRAIN_SECONDS + STOP_WITHIN
SENDERS = 6

pytestmark = pytest.mark.fault(39)


@contextmanager
def api(url: str, folder: Path, *, unready: float) -> Iterator[Running]:
    port = free_port()
    env = {
        "BLOCKLIST_DATABASE_URL": url,
        "BLOCKLIST_PORT": str(port),
        "KAFKA_BOOTSTRAP_SERVERS": NOBODY_LISTENS,
        "GEOWITHHOLD_UNREADY_SECONDS": str(unready),
    }
    run("services.blocklist", "migrate", env=env)
    with started("services.blocklist", "api", env=env, port=port, log=folder / "api.log") as running:
        yield running


@dataclass
class Load:
    """Senders that send as long as the process is said to be ready, as behind a Service of Kubernetes."""

    url: str
    port: int
    routed: bool = True
    answers: dict[str, int] = field(default_factory=dict)
    cut: dict[str, str] = field(default_factory=dict)
    after_the_signal: int = 0
    signalled: bool = False

    async def send(self, name: str) -> None:
        async with httpx2.AsyncClient(base_url=self.url, timeout=WITHIN) as client:
            number = 0
            while self.routed:
                await self.submit(client, f"{name}-{number}")
                number += 1

    async def submit(self, client: httpx2.AsyncClient, reference: str, *targets: str, **changes: Any) -> None:
        body = order_json(*targets, reference=reference, **changes)
        try:
            answer = await client.post("/v1/directives", json=body, headers={"Idempotency-Key": reference})
        except httpx2.TransportError as error:
            self.cut[reference] = repr(error)
            return
        self.answers[reference] = answer.status_code
        self.after_the_signal += self.signalled

    async def submit_much(self, reference: str) -> None:
        """An order that takes seconds to store."""
        async with httpx2.AsyncClient(base_url=self.url, timeout=WITHIN) as client:
            await self.submit(client, reference, *(f"@acct_{n}" for n in range(5000)))

    async def route(self) -> None:
        while self.routed:
            self.routed = await asyncio.to_thread(status_of, self.port, "/readyz") == HTTPStatus.OK
            await asyncio.sleep(0.1)


async def references(url: str) -> set[str]:
    database = Database(url)
    try:
        return {row["reference"] for row in (await database.read(all_rows))["directives"]}
    finally:
        await database.close()


@pytest.mark.parametrize("seed", range(2))
async def test_no_request_is_cut_and_what_was_answered_is_stored(seed: int, database_url: str, tmp_path: Path) -> None:
    moment = random.Random(seed).uniform(0.3, 1.2)  # noqa: S311 (a moment)
    with api(database_url, tmp_path, unready=UNREADY) as running:
        await running.ready()
        load = Load(running.url, running.port)
        async with asyncio.TaskGroup() as group:
            for number in range(SENDERS):
                group.create_task(load.send(f"sender-{number}"))
            group.create_task(load.route())
            await asyncio.sleep(moment)
            group.create_task(load.submit_much("much"))
            await asyncio.sleep(0.05)
            running.process.send_signal(signal.SIGTERM)
            load.signalled = True
        status = await running.ended(within=WITHIN)

    accepted = {reference for reference, answered in load.answers.items() if answered == HTTPStatus.CREATED}
    assert (status, load.cut) == (0, {})
    assert set(load.answers.values()) <= {HTTPStatus.CREATED, HTTPStatus.SERVICE_UNAVAILABLE}
    assert (load.after_the_signal > 0, load.answers["much"]) == (True, HTTPStatus.CREATED)
    assert accepted == await references(database_url)


def unfinished_request(port: int) -> socket.socket:
    """A request whose body never comes: it is under way for as long as the process lets it."""
    connection = socket.create_connection((HOST, port))
    connection.sendall(b"POST /v1/directives HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
    return connection


async def test_told_a_second_time_it_does_not_wait_for_senders(sqlite_database: str, tmp_path: Path) -> None:
    with api(sqlite_database, tmp_path, unready=15) as running:
        await running.ready()
        running.process.send_signal(signal.SIGTERM)
        await eventually(lambda: status_of(running.port, "/readyz") == HTTPStatus.SERVICE_UNAVAILABLE)

        running.process.send_signal(signal.SIGTERM)

        assert await running.ended(within=10) == 0


async def test_told_a_third_time_it_is_gone(sqlite_database: str, tmp_path: Path) -> None:
    with api(sqlite_database, tmp_path, unready=15) as running:
        await running.ready()
        with closing(unfinished_request(running.port)):
            running.process.send_signal(signal.SIGTERM)
            await eventually(lambda: status_of(running.port, "/readyz") == HTTPStatus.SERVICE_UNAVAILABLE)
            running.process.send_signal(signal.SIGINT)
            await eventually(lambda: status_of(running.port, "/readyz") is None)

            running.process.send_signal(signal.SIGTERM)

            assert await running.ended(within=5) == -signal.SIGTERM
