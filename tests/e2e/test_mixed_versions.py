"""A rolling upgrade and its way back: the release before and this one run beside each other, on the same databases and broker.

The release before comes out of the history of this repository, and runs in the same environment.
"""

import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.client import PersistentClient
from tests.support.eventually import eventually
from tests.support.postgres import Postgres, fresh_database
from tests.support.processes import Running, run, started
from tools.broker import IDLE_PAUSE_MS, free_port
from tools.supervisor import ROOT

BEFORE = "9cc8e5ad84d8c8168edf579cdd54a7390b3faae1"
"""The release that has no numbers on its events, no leases, and migrations up to blocklist 0008 and notifier 0011."""

WITHIN = 40.0
PER_ORDER = 3
RELEASED = 1

pytestmark = [pytest.mark.fault(48), pytest.mark.timeout(420)]


def release_before(folder: Path) -> Path:
    """The code of the release before, taken out of the history. Fails where the history was cut off."""
    archive = folder / "before.tar"
    command = ["git", "archive", "--output", str(archive), BEFORE, "services", "shared"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(
            f"the release before ({BEFORE[:7]}) is not in this clone, so nothing can be shown about running beside it: "
            f"fetch the whole history (git fetch --unshallow). git says: {done.stderr.strip()}"
        )
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "before", filter="data")
    return folder / "before"


@dataclass
class Fleet:
    """Processes of both releases on the same databases and the same broker."""

    folder: Path
    before: Path
    env: dict[str, str]
    held: ExitStack
    running: dict[str, Running] = field(default_factory=dict)

    async def start(self, name: str, release: Path, module: str, role: str, port_variable: str) -> str:
        """Its URL, once it is ready."""
        port = free_port()
        env = {**self.env, port_variable: str(port), "PYTHONPATH": str(release)}
        log = self.folder / f"{name}.log"
        process = self.held.enter_context(started(module, role, env=env, port=port, log=log, cwd=release))
        self.running[name] = await process.ready(within=WITHIN)
        return process.url

    async def end(self, name: str) -> None:
        process = self.running.pop(name)
        process.process.terminate()
        await process.ended(within=WITHIN)

    async def blocklist(self, release: Path) -> PersistentClient:
        url = await self.start(f"api-{release.name}", release, "services.blocklist", "api", "BLOCKLIST_PORT")
        self.env["BLOCKLIST_URL"] = url
        return self.held.enter_context(PersistentClient(url))

    async def relay(self, release: Path) -> None:
        await self.start(f"relay-{release.name}", release, "services.blocklist", "relay", "BLOCKLIST_RELAY_PORT")

    async def notifier(self, release: Path) -> PersistentClient:
        """One at a time, as its Deployment has it: whichever ran before has ended."""
        if "notifier" in self.running:
            await self.end("notifier")
        url = await self.start("notifier", release, "services.notifier", "run", "NOTIFIER_PORT")
        return self.held.enter_context(PersistentClient(url))

    def migrate(self, release: Path) -> None:
        for module in ("services.blocklist", "services.notifier"):
            run(module, "migrate", env={**self.env, "PYTHONPATH": str(release)}, cwd=release)


@contextmanager
def fleet(server: Postgres, bootstrap: str, prefix: str, folder: Path) -> Iterator[Fleet]:
    with ExitStack() as held:
        blocklist, notifier = (held.enter_context(fresh_database(server)) for _ in range(2))
        env = {
            "BLOCKLIST_DATABASE_URL": blocklist,
            "NOTIFIER_DATABASE_URL": notifier,
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "KAFKA_IDLE_PAUSE_MS": str(IDLE_PAUSE_MS),
            "GEOWITHHOLD_TOPIC_PREFIX": prefix,
            "GEOWITHHOLD_VAR": str(folder),
            "NOTIFIER_INSTANCE": "notifier-0",
        }
        yield Fleet(folder, release_before(folder), env, held)


@dataclass
class Story:
    """Orders of three accounts each, of which one is released again: by whichever release is asked."""

    orders: int = 0
    ids: list[str] = field(default_factory=list)

    def order(self, by: PersistentClient, *, released_by: PersistentClient) -> None:
        self.orders += 1
        names = [f"@order_{self.orders}_{number}" for number in range(PER_ORDER)]
        order = {
            "authority": "in-meity",
            "reference": f"order {self.orders}",
            "legal_basis": "in-it-act-69a",
            "kind": "block",
            "issued_at": "2021-02-04T09:00:00Z",
            "jurisdictions": ["IN"],
            "targets": names,
        }
        id_ = str(by.post("/v1/directives", order)["id"])
        by.post(f"/v1/directives/{id_}/decisions", {"decision": "comply", "targets": "all"})
        release = {"cause": "error", "directive": id_, "targets": names[:RELEASED], "jurisdictions": ["IN"]}
        assert released_by.post("/v1/releases", release)["released"] == RELEASED
        self.ids.append(id_)

    async def known_to(self, notifier: PersistentClient) -> None:
        """Until the notifier knows all of it: every order, what is withheld, and what was released."""
        expected = (self.orders * (PER_ORDER - RELEASED), self.orders * RELEASED)
        await eventually(lambda: _state(notifier) == expected, within=WITHIN)
        one_by_one = [(PER_ORDER, PER_ORDER - RELEASED)] * self.orders
        await eventually(lambda: [_of(notifier, id_) for id_ in self.ids] == one_by_one, within=WITHIN)


def _state(notifier: PersistentClient) -> tuple[int, int]:
    shown = notifier.get("/v1/jurisdictions/IN")
    return shown["withheld"], shown["released"]


def _of(notifier: PersistentClient, id_: str) -> tuple[Any, Any]:
    found = notifier.get(f"/v1/directives/{id_}/compliance")
    return found["specified"], found["withheld"]


async def test_both_releases_serve_relay_and_follow_beside_each_other(
    postgres_server: Postgres, broker: str, topic_prefix: str, tmp_path: Path
) -> None:
    with fleet(postgres_server, broker, topic_prefix, tmp_path) as both:
        before, now, story = both.before, ROOT, Story()

        both.migrate(before)
        old = await both.blocklist(before)
        await both.relay(before)
        follower = await both.notifier(before)
        story.order(old, released_by=old)
        await story.known_to(follower)

        both.migrate(now)  # under the running release before
        story.order(old, released_by=old)
        await story.known_to(follower)

        new = await both.blocklist(now)
        await both.relay(now)
        story.order(new, released_by=old)
        story.order(old, released_by=new)
        await story.known_to(follower)

        follower = await both.notifier(now)
        story.order(old, released_by=new)
        story.order(new, released_by=new)
        await story.known_to(follower)

        follower = await both.notifier(before)  # and back
        story.order(new, released_by=old)
        await story.known_to(follower)

        for name in (f"api-{before.name}", f"relay-{before.name}"):
            await both.end(name)
        follower = await both.notifier(now)
        story.order(new, released_by=new)
        await story.known_to(follower)
        await eventually(lambda: missing(both.running["notifier"].url) == 0, within=WITHIN)


def missing(url: str) -> float:
    """How many ranges of events this release's notifier misses now, by the numbers that the release before does not give."""
    told = httpx2.get(f"{url}/metrics").text
    assert "# HELP geowithhold_stream_gaps_open " in told
    return sum(float(line.rpartition(" ")[2]) for line in told.splitlines() if line.startswith("geowithhold_stream_gaps_open{"))


def test_a_clone_without_its_history_fails_with_a_clear_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "init", "--quiet", str(shallow)], check=True, env=dict(os.environ))
    monkeypatch.setattr("tests.e2e.test_mixed_versions.ROOT", shallow)

    with pytest.raises(pytest.fail.Exception, match="fetch the whole history"):
        release_before(tmp_path)
