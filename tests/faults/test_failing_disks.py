"""A disk that is full, and fsyncs that fail: no answer that is not true, nothing half done, and going on when it is mended."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog

from services.blocklist.app import create_api
from shared.sqlite import EXIT_STORE_LOST
from tests.support.blocklist import NOBODY_LISTENS, Rows, all_rows, client_of, expect, make_settings, migrated, silence_logs
from tests.support.builders import order_json
from tests.support.disks import failing_fsyncs, small_disk
from tests.support.eventually import eventually
from tests.support.postgres import Stop, controlled_postgres
from tests.support.processes import run, started
from tools.broker import free_port

pytestmark = pytest.mark.system

KEY = {"Idempotency-Key": "k"}

AWAY = {"urn:geowithhold:problem:unavailable", "urn:geowithhold:problem:outcome-unknown"}
"""Which of the two depends on where the server was when its disk failed it."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    silence_logs()
    yield
    structlog.reset_defaults()


def big_order(number: int) -> Any:
    """One that takes pages of its own."""
    return order_json(*(f"@{number}_{name}" for name in range(300)), reference=f"big-{number}")


def assert_whole(rows: Rows, acknowledged: list[str]) -> None:
    """What is stored is what was acknowledged, with every item, and nothing else."""
    assert sorted(row["id"] for row in rows["directives"]) == sorted(acknowledged)
    assert len(rows["items"]) == 300 * len(acknowledged)
    assert {row["version"] for row in rows["withholdings"]} <= {1}
    assert len(rows["withholdings"]) == 300 * len(acknowledged)


@pytest.mark.fault(35)
async def test_sqlite_on_a_full_disk_refuses_whole_orders_and_goes_on_when_there_is_room() -> None:
    acknowledged: list[str] = []
    with small_disk(16) as disk:
        url = f"sqlite:///{disk.folder / 'blocklist.sqlite3'}"
        async with migrated(url) as database, client_of(create_api(make_settings(url))) as client:
            acknowledged.append((await client.post("/v1/directives", json=big_order(1))).json()["id"])
            disk.fill()
            refused = await client.post("/v1/directives", json=big_order(2), headers=KEY)
            read = await client.get("/v1/directives")
            meanwhile = await database.read(all_rows)
            disk.free()
            accepted = await client.post("/v1/directives", json=big_order(2), headers=KEY)
            acknowledged.append(accepted.json()["id"])
            after = await database.read(all_rows)

    assert expect(refused, 503)["type"] == "urn:geowithhold:problem:unavailable"
    assert (refused.headers["retry-after"], read.status_code) == ("1", 200)
    assert_whole(meanwhile, acknowledged[:1])
    assert accepted.status_code == 201
    assert_whole(after, acknowledged)


@pytest.mark.postgres
@pytest.mark.fault(35)
async def test_postgresql_on_a_full_disk_loses_nothing_and_goes_on_when_there_is_room() -> None:
    with small_disk(160) as disk, controlled_postgres(disk.folder) as server:
        async with migrated(server.url()) as database, client_of(create_api(make_settings(server.url()))) as client:
            acknowledged = [(await client.post("/v1/directives", json=big_order(0))).json()["id"]]
            disk.fill()
            refused, number = None, 0
            while refused is None:
                number += 1
                answer = await client.post("/v1/directives", json=big_order(number), headers={"Idempotency-Key": str(number)})
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["id"])
                else:
                    refused = answer
            disk.free()
            if not server.running:
                server.stop()
                server.start()
            await eventually(lambda: ready(client), within=30)
            accepted = await client.post("/v1/directives", json=big_order(number), headers={"Idempotency-Key": str(number)})
            acknowledged.append(accepted.json()["id"])
            rows = await database.read(all_rows)

    assert expect(refused, 503)["type"] in AWAY
    assert accepted.status_code == 201
    assert_whole(rows, acknowledged)


@pytest.mark.fault(36)
async def test_a_process_whose_sqlite_cannot_fsync_answers_nothing_and_ends(sqlite_database: str, tmp_path: Path) -> None:
    port = free_port()
    env = {"BLOCKLIST_DATABASE_URL": sqlite_database, "BLOCKLIST_PORT": str(port), "KAFKA_BOOTSTRAP_SERVERS": NOBODY_LISTENS}
    run("services.blocklist", "migrate", env=env)
    with started("services.blocklist", "api", env=env, port=port, log=tmp_path / "log") as process:
        await process.ready()
        with failing_fsyncs(process.process.pid) as failed:
            async with httpx2.AsyncClient(base_url=process.url) as client:
                with pytest.raises(httpx2.TransportError):
                    await client.post("/v1/directives", json=order_json("@a"), headers=KEY)
            status = await process.ended(within=10)
            fsyncs = failed()

    async with migrated(sqlite_database) as database, client_of(create_api(make_settings(sqlite_database))) as client:
        before = await database.read(all_rows)
        accepted = await client.post("/v1/directives", json=order_json("@a"), headers=KEY)
        after = await database.read(all_rows)
    assert fsyncs > 0
    assert (status, "fsync_failed" in (tmp_path / "log").read_text()) == (EXIT_STORE_LOST, True)
    assert (len(before["directives"]), accepted.status_code, len(after["directives"])) == (0, 201, 1)


@pytest.mark.postgres
@pytest.mark.fault(36)
async def test_when_postgresql_cannot_fsync_nothing_is_acknowledged_and_the_key_tells_the_outcome() -> None:
    with controlled_postgres() as server:
        async with migrated(server.url()) as database, client_of(create_api(make_settings(server.url()))) as client:
            assert await ready(client)
            with failing_fsyncs(*server.pids) as failed:
                refused = await client.post("/v1/directives", json=order_json("@a"), headers=KEY)
                await eventually(lambda: "PANIC" in server.log(), within=30)
                fsyncs = failed()
            server.stop(Stop.KILL)
            server.start()
            await eventually(lambda: ready(client), within=30)
            accepted = await client.post("/v1/directives", json=order_json("@a"), headers=KEY)
            rows = await database.read(all_rows)

    assert fsyncs > 0
    assert expect(refused, 503)["type"] in AWAY
    assert accepted.status_code == 201
    assert [row["id"] for row in rows["directives"]] == [accepted.json()["id"]]


async def ready(client: httpx2.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200
