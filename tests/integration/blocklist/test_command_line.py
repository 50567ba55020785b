"""`python -m services.blocklist`, as somebody starts it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from services.blocklist.app import PACKAGE
from shared.db import Database
from shared.migrations import is_current
from tests.support.blocklist import NOBODY_LISTENS
from tests.support.eventually import eventually
from tools.broker import free_port

ROOT = Path(__file__).parents[3]


def environment(url: str, **more: str) -> dict[str, str]:
    return {**os.environ, "BLOCKLIST_DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": NOBODY_LISTENS, **more}


def run(role: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.blocklist", role]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def started(role: str, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A process that is asked to stop after the block, and must then end by itself."""
    command = [sys.executable, "-m", "services.blocklist", role]
    with subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/livez", timeout=1).status_code == 200
    except httpx2.TransportError:
        return False


async def test_migrate_brings_an_empty_database_to_the_newest_version(database_url: str) -> None:
    done = run("migrate", environment(database_url))

    database = Database(database_url)
    current = await database.read(lambda connection: is_current(connection, PACKAGE))
    await database.close()
    assert (done.returncode, current) == (0, True)


async def test_the_service_starts_answers_and_stops_when_told(sqlite_database: str) -> None:
    port = str(free_port())
    run("migrate", environment(sqlite_database))

    with started("api", environment(sqlite_database, BLOCKLIST_PORT=port)) as process:
        await eventually(lambda: answers(int(port)), within=30)
        second = run("api", environment(sqlite_database, BLOCKLIST_PORT=str(free_port())))

    assert process.returncode in (0, -signal.SIGTERM)
    assert (second.returncode, "SQLite serves one process" in second.stderr) == (1, True)


async def test_the_relay_starts_answers_and_stops_when_told(postgres_database: str) -> None:
    port = str(free_port())
    run("migrate", environment(postgres_database))

    with started("relay", environment(postgres_database, BLOCKLIST_RELAY_PORT=port)) as process:
        await eventually(lambda: answers(int(port)), within=30)

    assert process.returncode in (0, -signal.SIGTERM)


def test_on_sqlite_the_relay_is_no_process_of_its_own(sqlite_database: str) -> None:
    done = run("relay", environment(sqlite_database))

    assert done.returncode == 1
    assert "the relay runs inside `api`" in done.stderr


@pytest.mark.parametrize("role", ["", "serve"])
def test_an_unknown_role_is_explained(role: str, sqlite_database: str) -> None:
    done = run(role, environment(sqlite_database))

    assert done.returncode == 2
    assert "api" in done.stderr
