"""A thousand clients that hang up in the middle of a request: each order is stored whole or not at all, no connection is lost."""

import asyncio
import json
import random
import socket
import struct
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from shared.db import Database
from tests.support.blocklist import NOBODY_LISTENS, Rows, all_rows
from tests.support.builders import order_json
from tests.support.eventually import eventually
from tests.support.processes import run, started
from tools.broker import HOST, free_port

TIMES = 1000
AT_ONCE = 20
TARGETS = 3
SEED = 4
AFTERWARDS = 4

BUSY = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"


def order(name: str) -> Any:
    return order_json(*(f"@{name}_{target}" for target in range(TARGETS)), reference=name)


def request(number: int) -> bytes:
    body = json.dumps(order(f"r{number}")).encode()
    head = f"POST /v1/directives HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def hang_up(port: int, sent: bytes, after: float) -> None:
    """Sends this, waits for so long, and ends the connection without a farewell."""
    _reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(sent)
    await writer.drain()
    await asyncio.sleep(after)
    connected: socket.socket = writer.get_extra_info("socket")
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up_often(port: int) -> int:
    """Half of them in the middle of what they send, half once all is sent. Answers how many sent all."""
    chance, gate, whole = random.Random(SEED), asyncio.Semaphore(AT_ONCE), 0  # noqa: S311 (it chooses where to cut)

    async def once(sent: bytes, after: float) -> None:
        async with gate:
            await hang_up(port, sent, after)

    tries = []
    for number in range(TIMES):
        sent, cut = request(number), chance.random() < 0.5
        whole += not cut
        tries.append(once(sent[: chance.randrange(len(sent))] if cut else sent, chance.random() * 0.05))
    await asyncio.gather(*tries)
    return whole


def assert_whole(rows: Rows) -> None:
    """Every directive has all of its items, withholdings and a batch; there is nothing of any other."""
    count = len(rows["directives"])
    assert len(rows["items"]) == len(rows["withholdings"]) == TARGETS * count
    assert len(rows["batches"]) == count
    assert {row["directive"] for row in rows["items"]} == {row["id"] for row in rows["directives"]}


@pytest.mark.fault(4)
async def test_a_thousand_clients_that_hang_up_leave_whole_orders_and_a_clean_pool(
    postgres_database: str, tmp_path: Path
) -> None:
    port = free_port()
    env = {
        "BLOCKLIST_DATABASE_URL": postgres_database,
        "BLOCKLIST_PORT": str(port),
        "KAFKA_BOOTSTRAP_SERVERS": NOBODY_LISTENS,
        "GEOWITHHOLD_DATABASE_CONNECTIONS": "4",
    }
    run("services.blocklist", "migrate", env=env)
    with started("services.blocklist", "api", env=env, port=port, log=tmp_path / "log") as process:
        await process.ready()
        whole = await hang_up_often(port)
        async with httpx2.AsyncClient(base_url=process.url, timeout=60) as client:
            await asyncio.gather(*(until_accepted(client, f"z{number}") for number in range(AFTERWARDS)))
        await eventually(lambda: nobody_busy(postgres_database), within=30)
    database = Database(postgres_database)
    rows = await database.read(all_rows)
    await database.close()

    assert_whole(rows)
    assert AFTERWARDS < len(rows["directives"]) <= whole + AFTERWARDS


async def until_accepted(client: httpx2.AsyncClient, name: str) -> None:
    """What the others have left to do may be too much at first: then it says so."""

    async def accepted() -> bool:
        answer = await client.post("/v1/directives", json=order(name))
        if answer.status_code not in {201, 503}:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        return answer.status_code == 201

    await eventually(accepted, within=60)


async def nobody_busy(url: str) -> bool:
    """No session of the database is in a transaction."""
    connection = await asyncpg.connect(url)
    try:
        return bool(await connection.fetchval(BUSY) == 0)
    finally:
        await connection.close()
