"""The drill of docs/runbooks/restore.md with all that runs: the blocklist's database is lost, and an older backup restored.

Nothing that was lifted comes back, no version is used again, everybody follows, and whoever still works on the lost database
reaches nobody.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from geowithhold import EnforcementPoint, Epochs
from services.blocklist.app import PACKAGE
from services.blocklist.tables import metadata
from shared.backup import Archive, Place, restoring
from shared.events import WithholdingChanged, decode
from shared.topic_reader import read_all
from shared.topics import Topics
from tests.e2e.client import PersistentClient
from tests.support.eventually import eventually
from tests.support.postgres import fresh_database
from tools.broker import free_port
from tools.stack import Stack, StackSettings, running_stack, services
from tools.supervisor import ROOT, Service

TOPICS = Topics()
APPROVED = {"memo": "A journalist", "approvers": ["asha", "bo"]}


@contextmanager
def stack_on(database: str, request: pytest.FixtureRequest, folder: Path) -> Iterator[Stack]:
    settings = StackSettings.on_free_ports(folder, environ=dict(os.environ))
    with ExitStack() as held:
        if database == "postgres":
            server = request.getfixturevalue("postgres_server")
            blocklist, notifier = (held.enter_context(fresh_database(server)) for _ in range(2))
            settings = replace(settings, blocklist_database_url=blocklist, notifier_database_url=notifier)
        yield held.enter_context(running_stack(settings, say=lambda _line: None))


def keep(stack: Stack, *command: str) -> dict[str, Any]:
    """`geowithhold admin`, as somebody types it."""
    argv = [sys.executable, "-m", "geowithhold", "admin", *command]
    done = subprocess.run(argv, env=dict(stack.env), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def order(reference: str, *targets: str) -> dict[str, Any]:
    return {
        "authority": "in-meity",
        "reference": reference,
        "legal_basis": "in-it-act-69a-emergency",
        "kind": "block",
        "issued_at": "2021-02-04T09:00:00Z",
        "jurisdictions": ["IN"],
        "targets": list(targets),
    }


def release(directive: str, *targets: str) -> dict[str, Any]:
    return {"cause": "platform_decision", "directive": directive, "targets": list(targets), "jurisdictions": ["IN"], **APPROVED}


@asynccontextmanager
async def point_on(stack: Stack) -> AsyncIterator[EnforcementPoint]:
    """An enforcement point that follows all the way."""
    point = EnforcementPoint(name="search", bootstrap=stack.bootstrap, jurisdictions=["IN"], apply=lambda _change: None)
    stop = asyncio.Event()
    running = asyncio.create_task(point.run(stop))
    try:
        yield point
    finally:
        stop.set()
        await running


def withheld(blocklist: PersistentClient) -> set[str]:
    return {row["target"] for row in blocklist.get("/v1/withholdings", state="withheld", limit=1000)["items"]}


def seen_by(point: EnforcementPoint, targets: set[str]) -> set[str]:
    return {target for target in targets if point.view.is_withheld(target, "IN")}


def known_to(notifier: PersistentClient) -> tuple[int, int, int]:
    state = notifier.get("/v1/jurisdictions/IN")
    return state["withheld"], state["released"], state["enforcements"]["applied"]


def stop_blocklist(stack: Stack) -> list[Service]:
    names = [name for name in stack.settings.ports if name != "notifier"]
    for name in names:
        stack.supervisor.remove(name)
    return [service for service in services(stack.settings) if service.name in names]


def restored(stack: Stack, backup: Path) -> dict[str, Any]:
    """The database is replaced while the blocklist is down. Answers the report."""
    stopped = stop_blocklist(stack)
    report = keep(stack, "restore", "--service", "blocklist", str(backup), "--replace")
    for service in stopped:
        stack.supervisor.add(service)
    for service in stopped:
        stack.wait_ready(service.name)
    return report


@contextmanager
def zombie(stack: Stack, url: str) -> Iterator[PersistentClient]:
    """A server that nobody stopped, on a copy of the lost database: it accepts, and it publishes."""
    port = free_port()
    (lost,) = (service for service in services(stack.settings) if service.name == "blocklist")
    env = {**lost.env, "BLOCKLIST_DATABASE_URL": url, "BLOCKLIST_PORT": str(port)}
    stack.supervisor.add(replace(lost, name="zombie", env=env, log_path=stack.log_dir / "zombie.log"))
    try:
        with PersistentClient(f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        stack.supervisor.remove("zombie")


async def copy_of(backup: Path, url: str) -> None:
    async with restoring(Place(url=url, package=PACKAGE, metadata=metadata), Archive.verified(backup)):
        pass


async def versions_on(stack: Stack) -> Mapping[tuple[str, int], set[bytes | None]]:
    """What the topic says of each version, for a reader who drops what is of an earlier epoch."""
    found: dict[tuple[str, int], set[bytes | None]] = {}
    epochs = Epochs()
    async for batch in read_all(stack.bootstrap, [TOPICS.withholdings], TOPICS.partitions):
        for each in batch:
            admitted = epochs.admits(each.partition, each.record.headers)
            data = decode(each.record.value, each.record.headers).data if each.record.value else None
            if admitted and isinstance(data, WithholdingChanged):
                found.setdefault((each.record.key.decode(), data.version), set()).add(each.record.value)
    return found


@pytest.mark.broker
@pytest.mark.fault(46)
@pytest.mark.timeout(420)
@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def test_the_blocklist_is_restored_from_an_older_backup_and_everybody_follows(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    names = [f"@acct_{number}" for number in range(24)]
    with (
        stack_on(database, request, tmp_path) as stack,
        PersistentClient(stack.blocklist_url) as blocklist,
        PersistentClient(stack.notifier_url) as notifier,
    ):
        notifier.put("/v1/enforcement-points/search", {"jurisdictions": ["IN"], "ack_within_seconds": 3600})
        async with point_on(stack) as point:
            first = blocklist.post("/v1/directives", order("first", *names))["id"]
            await eventually(lambda: known_to(notifier) == (24, 0, 24), within=30)
            keep(stack, "backup", "--service", "blocklist", str(tmp_path / "old"))

            blocklist.post("/v1/releases", release(first, *names[:12]))
            second = blocklist.post("/v1/directives", order("second", *names[:4], "@acct_100", "@acct_101"))["id"]
            blocklist.post("/v1/releases", release(second, "@acct_100"))
            await eventually(lambda: known_to(notifier) == (17, 9, 26), within=30)
            expected = withheld(blocklist)
            keep(stack, "backup", "--service", "blocklist", str(tmp_path / "lost"))

            report = restored(stack, tmp_path / "old")

            assert (report["epoch"], report["look_at"]) == (2, {})
            assert report["counts"]["directives_created"] == 1
            assert withheld(blocklist) == expected == seen_by(point, {f"account:{name[1:]}" for name in [*names, "@acct_101"]})
            assert known_to(notifier) == (17, 9, 26)
            assert blocklist.get(f"/v1/directives/{second}")["items"]["complied"] == 5

            await copy_of(tmp_path / "lost", f"sqlite:///{tmp_path / 'zombie.sqlite3'}")
            blocklist.post("/v1/releases", release(first, *names[12:18]))
            third = blocklist.post("/v1/directives", order("third", *names[4:8], "@acct_102"))["id"]
            await eventually(lambda: known_to(notifier) == (16, 11, 27), within=30)
            with zombie(stack, f"sqlite:///{tmp_path / 'zombie.sqlite3'}") as lost:
                lost.post("/v1/releases", release(first, *names[18:]))
                lost.post("/v1/directives", order("a zombie's", *names))
                await eventually(lambda: point.epochs.stale >= 20, within=30)
            blocklist.post("/v1/releases", release(third, "@acct_102"))
            await eventually(lambda: known_to(notifier) == (15, 12, 27), within=30)

            everything = {f"account:{name[1:]}" for name in [*names, "@acct_100", "@acct_101", "@acct_102"]}
            await eventually(lambda: seen_by(point, everything) == withheld(blocklist))
            assert withheld(blocklist) == expected - _accounts(names[12:18]) | _accounts(names[4:8])
        assert [key for key, contents in (await versions_on(stack)).items() if len(contents) > 1] == []
        figures = await eventually(lambda: settled_figures(stack), within=30)
        assert figures["geowithhold_contradictions_total"] == 0
        assert figures.get("geowithhold_checkpoint_mismatches_total", 0) == 0


def _accounts(names: list[str]) -> set[str]:
    return {f"account:{name[1:]}" for name in names}


def settled_figures(stack: Stack) -> dict[str, float]:
    """The notifier's metrics, once it has dropped all that came from the lost database."""
    figures = figures_of(httpx2.get(f"{stack.notifier_url}/metrics").text)
    assert figures.get("geowithhold_stale_epoch_total", 0) >= 24
    return figures


def figures_of(exposition: str) -> dict[str, float]:
    """Each metric, summed over its labels."""
    figures: dict[str, float] = {}
    for line in exposition.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            figures[name.partition("{")[0]] = figures.get(name.partition("{")[0], 0.0) + float(value)
    return figures
