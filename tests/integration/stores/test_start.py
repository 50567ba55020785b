"""What a start, and `/readyz`, say of a PostgreSQL that cannot keep what is accepted."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.app import create_api
from shared.engines import StoreLimits
from shared.store_start import require_fit
from tests.integration.blocklist.test_command_line import environment
from tests.support.blocklist import client_of, expect, make_settings, migrated
from tests.support.builders import order_json
from tests.support.eventually import eventually
from tests.support.postgres import ControlledPostgres

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.postgres


def started(*command: str, url: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to end by itself."""
    env = environment(url, NOTIFIER_DATABASE_URL=url)
    return subprocess.run(
        [sys.executable, "-m", *command], env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    "command",
    [
        ("services.blocklist", "api"),
        ("services.blocklist", "relay"),
        ("services.blocklist", "migrate"),
        ("services.notifier", "run"),
        ("services.notifier", "migrate"),
    ],
    ids=" ".join,
)
def test_no_role_starts_on_a_server_that_may_lose_commits(server: ControlledPostgres, command: tuple[str, str]) -> None:
    server.stop()
    server.start(fsync="off", full_page_writes="off")
    server.run("ALTER DATABASE postgres SET synchronous_commit = off")
    try:
        ended = started(*command, url=server.url())
    finally:
        server.run("ALTER DATABASE postgres RESET synchronous_commit")

    assert ended.returncode == 1
    named = [line.split()[0] for line in ended.stderr.splitlines() if line.startswith("  ")]
    assert named == ["fsync", "full_page_writes", "synchronous_commit"]
    assert "synchronous_commit is off (database)" in ended.stderr


def test_a_start_tells_no_password(server: ControlledPostgres) -> None:
    server.stop()
    server.start(fsync="off")

    ended = started("services.blocklist", "api", url=server.url().replace("postgres@", "postgres:secret@"))

    assert (ended.returncode, "fsync" in ended.stderr, "secret" in ended.stderr) == (1, True, False)


def test_a_start_on_an_unfit_server_ends_and_one_on_a_server_that_is_away_waits(server: ControlledPostgres) -> None:
    server.stop()
    require_fit(server.url(), StoreLimits())
    server.start(full_page_writes="off")

    with pytest.raises(SystemExit, match="full_page_writes is off"):
        require_fit(server.url(), StoreLimits())


@pytest.mark.fault(33)
async def test_a_server_that_turns_read_only_is_not_ready_and_takes_nothing_until_it_turns_back(
    server: ControlledPostgres,
) -> None:
    async with migrated(server.url()), client_of(create_api(make_settings(server.url()))) as client:
        before = await client.get("/readyz")
        server.run("ALTER SYSTEM SET default_transaction_read_only = on")
        server.run("SELECT pg_reload_conf()")
        unfit = await eventually(lambda: not_ready(client))
        refused = await client.post("/v1/directives", json=order_json("@a"))
        server.run("ALTER SYSTEM RESET default_transaction_read_only")
        server.run("SELECT pg_reload_conf()")
        await eventually(lambda: ready(client))
        accepted = await client.post("/v1/directives", json=order_json("@a"))

    assert (before.status_code, accepted.status_code) == (200, 201)
    assert unfit["database"] == "unfit"
    assert unfit["why"].startswith("default_transaction_read_only is on (configuration file)")
    assert expect(refused, 503)["type"] == "urn:geowithhold:problem:unavailable"
    assert refused.headers["retry-after"] == "1"


@pytest.mark.fault(33)
async def test_a_standby_is_waited_for_and_used_once_it_is_promoted(server: ControlledPostgres) -> None:
    async with migrated(server.url()):
        pass
    server.stop()
    (server.folder / "standby.signal").touch()
    server.start()

    async with client_of(create_api(make_settings(server.url()))) as client:
        waiting = await not_ready(client)
        refused = await client.post("/v1/directives", json=order_json("@b", reference="to-a-standby"))
        server.run("SELECT pg_promote()")
        await eventually(lambda: ready(client))
        accepted = await client.post("/v1/directives", json=order_json("@b", reference="to-a-standby"))

    assert "standby" in waiting["why"]
    assert (refused.status_code, accepted.status_code) == (503, 201)


async def test_commits_that_no_longer_reach_the_disk_are_seen_by_readiness_and_never_answered_with_success(
    server: ControlledPostgres,
) -> None:
    async with migrated(server.url()) as database, client_of(create_api(make_settings(server.url()))) as client:
        before = await database.write(commits)
        server.run("ALTER SYSTEM SET synchronous_commit = off")
        server.run("SELECT pg_reload_conf()")
        unfit = await eventually(lambda: not_ready(client))
        after = await database.write(commits)

    assert unfit["why"].startswith("synchronous_commit is off")
    assert (before, after) == ("on", "on")


async def commits(connection: AsyncConnection) -> Any:
    return await connection.scalar(text("SHOW synchronous_commit"))


async def not_ready(client: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/readyz")
    return {} if answer.status_code == 200 else answer.json()


async def ready(client: httpx2.AsyncClient) -> bool:
    return (await client.get("/readyz")).status_code == 200
