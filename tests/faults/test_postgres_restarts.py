"""PostgreSQL is stopped, dropped and killed again and again while orders come in: nothing acknowledged is lost, nothing twice."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import httpx2
import pytest
import structlog

from services.blocklist.app import create_api
from shared.db import Database
from tests.support.blocklist import all_rows, client_of, make_settings, migrated, silence_logs
from tests.support.builders import order_json
from tests.support.eventually import eventually
from tests.support.postgres import ControlledPostgres, Stop, controlled_postgres

pytestmark = pytest.mark.postgres

WRITERS = 4


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    silence_logs()
    yield
    structlog.reset_defaults()


@pytest.fixture
def server() -> Iterator[ControlledPostgres]:
    with controlled_postgres() as running:
        yield running


class Writer:
    """Sends one order after the other, each under a key of its own, again and again until it is acknowledged."""

    def __init__(self, client: httpx2.AsyncClient, name: str) -> None:
        self._client, self._name = client, name
        self.acknowledged: list[str] = []
        self.answers: Counter[int] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._one(f"{self._name}-{len(self.acknowledged)}")

    async def _one(self, reference: str) -> None:
        order, key = order_json(f"@{reference.replace('-', '_')}", reference=reference), {"Idempotency-Key": reference}
        while True:
            answer = await self._client.post("/v1/directives", json=order, headers=key)
            self.answers[answer.status_code] += 1
            if answer.status_code == 201:
                self.acknowledged.append(answer.json()["id"])
                return
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text
            await asyncio.sleep(0.02)


@pytest.mark.fault(32)
async def test_nothing_acknowledged_is_lost_when_postgresql_restarts_in_every_way(server: ControlledPostgres) -> None:
    async with migrated(server.url()) as database, client_of(create_api(make_settings(server.url()))) as client:
        writers, stop = [Writer(client, f"w{number}") for number in range(WRITERS)], asyncio.Event()
        running = [asyncio.create_task(writer.run(stop)) for writer in writers]
        for how in (*Stop, *Stop):
            await progress(writers)
            await asyncio.to_thread(server.stop, how)
            await refusal(client)
            await asyncio.to_thread(server.start)
        await progress(writers)
        stop.set()
        await asyncio.gather(*running)
        ready = await client.get("/readyz")
        rows = await database.read(all_rows)

    acknowledged = [id_ for writer in writers for id_ in writer.acknowledged]
    assert sorted(row["id"] for row in rows["directives"]) == sorted(acknowledged)
    assert Counter(row["version"] for row in rows["withholdings"]) == {1: len(acknowledged)}
    assert ready.status_code == 200
    assert sum((writer.answers for writer in writers), Counter())[503] > 0


async def progress(writers: list[Writer]) -> None:
    """Every writer gets two more orders acknowledged."""
    before = [len(writer.acknowledged) for writer in writers]
    await eventually(
        lambda: all(len(writer.acknowledged) >= had + 2 for writer, had in zip(writers, before, strict=True)), within=30
    )


async def refusal(client: httpx2.AsyncClient) -> None:
    """While it is down the service is alive and not ready."""
    live, ready = await client.get("/livez"), await client.get("/readyz")
    assert (live.status_code, ready.status_code) == (200, 503)


@pytest.mark.fault(32)
async def test_a_frozen_postgresql_is_given_up_in_time_and_used_again(server: ControlledPostgres) -> None:
    patience = {"GEOWITHHOLD_DATABASE_STATEMENT_SECONDS": 1, "GEOWITHHOLD_DATABASE_CONNECT_SECONDS": 1}
    async with migrated(server.url()) as database, client_of(create_api(make_settings(server.url(), **patience))) as client:
        server.freeze()
        refused = await client.post("/v1/directives", json=order_json("@a"), headers={"Idempotency-Key": "k"})
        live = await client.get("/livez")
        server.thaw()
        await eventually(lambda: ready_again(client), within=30)
        accepted = await client.post("/v1/directives", json=order_json("@a"), headers={"Idempotency-Key": "k"})
        stored = await directives(database)

    assert (refused.status_code, live.status_code, accepted.status_code) == (503, 200, 201)
    assert stored == [accepted.json()["id"]]


async def ready_again(client: httpx2.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200


async def directives(database: Database) -> list[str]:
    return [row["id"] for row in (await database.read(all_rows))["directives"]]
