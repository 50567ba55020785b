"""The API is killed just before and just after its commit: an error stored nothing, a repetition gets the one answer."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from shared.db import Database
from shared.events import WithholdingChanged
from shared.steps import Step
from tests.support.blocklist import NOBODY_LISTENS, all_rows, decoded, queued
from tests.support.builders import order_json
from tests.support.processes import Running, run, started
from tools.broker import free_port

KEY = {"Idempotency-Key": "once"}


@contextmanager
def api(url: str, folder: Path, *faults: str) -> Iterator[Running]:
    port = free_port()
    with started(
        "services.blocklist", "api", env=environment(url, port), port=port, log=folder / "api.log", faults=faults
    ) as running:
        yield running


def environment(url: str, port: int) -> dict[str, str]:
    return {"BLOCKLIST_DATABASE_URL": url, "BLOCKLIST_PORT": str(port), "KAFKA_BOOTSTRAP_SERVERS": NOBODY_LISTENS}


async def killed_while_submitting(url: str, folder: Path, step: Step) -> None:
    """The API receives one order, under a key, and is killed at this step."""
    run("services.blocklist", "migrate", env=environment(url, free_port()))
    with api(url, folder, f"{step}=kill@1") as running:
        await running.ready()
        async with httpx2.AsyncClient(base_url=running.url) as client:
            with pytest.raises(httpx2.TransportError):
                await client.post("/v1/directives", json=order_json("@a", "@b"), headers=KEY)
        assert await running.ended(within=10) == -signal.SIGKILL


async def submitted(url: str, folder: Path) -> httpx2.Response:
    """The answer to the same request from a process that is not killed."""
    with api(url, folder) as running:
        await running.ready()
        async with httpx2.AsyncClient(base_url=running.url) as client:
            return await client.post("/v1/directives", json=order_json("@a", "@b"), headers=KEY)


async def stored(url: str) -> tuple[list[str], list[tuple[str, int]]]:
    """Ids of the directives, and every version of a withholding that waits to be published."""
    database = Database(url)
    try:
        rows = await database.read(all_rows)
        events = [envelope.data for envelope in decoded(await database.read(queued))]
    finally:
        await database.close()
    versions = [(event.target, event.version) for event in events if isinstance(event, WithholdingChanged)]
    return [row["id"] for row in rows["directives"]], sorted(versions)


@pytest.mark.fault(1)
async def test_killed_before_its_commit_it_has_stored_nothing_and_a_repetition_works(database_url: str, tmp_path: Path) -> None:
    await killed_while_submitting(database_url, tmp_path, Step.COMMAND_CARRIED_OUT)
    before = await stored(database_url)

    answer = await submitted(database_url, tmp_path)

    after = await stored(database_url)
    assert before == ([], [])
    assert (answer.status_code, answer.headers.get("idempotency-replayed")) == (201, None)
    assert after == ([answer.json()["id"]], [("account:a", 1), ("account:b", 1)])


@pytest.mark.fault(2)
async def test_killed_after_its_commit_it_gives_the_same_answer_to_a_repetition(database_url: str, tmp_path: Path) -> None:
    await killed_while_submitting(database_url, tmp_path, Step.COMMAND_COMMITTED)
    before = await stored(database_url)

    answer = await submitted(database_url, tmp_path)

    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (201, "true")
    assert before == await stored(database_url) == ([answer.json()["id"]], [("account:a", 1), ("account:b", 1)])
