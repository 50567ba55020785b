"""Any process may end in the middle of the 1,178, killed or told to: each version is on the topic in order, nothing is lost."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from shared.topics import Topics
from tests.e2e.client import PersistentClient
from tests.support.eventually import eventually
from tests.support.postgres import fresh_database
from tools.demo.incident import notice
from tools.demo.topic import read_withholdings
from tools.stack import Stack, StackSettings, running_stack

ACCOUNTS = 1178
PER_REQUEST = 100
KILLED_AFTER = (2, 6, 9)
"""The requests, of twelve, in the middle of which the process is killed."""


@contextmanager
def stack_on(database: str, request: pytest.FixtureRequest, folder: Path, said: list[str] | None = None) -> Iterator[Stack]:
    settings = StackSettings.on_free_ports(folder, environ=dict(os.environ))
    with ExitStack() as held:
        if database == "postgres":
            server = request.getfixturevalue("postgres_server")
            blocklist, notifier = (held.enter_context(fresh_database(server)) for _ in range(2))
            settings = replace(settings, blocklist_database_url=blocklist, notifier_database_url=notifier)
        yield held.enter_context(running_stack(settings, say=(said if said is not None else []).append))


def submit_second_notice(blocklist: PersistentClient) -> str:
    order = {
        "authority": "in-meity",
        "reference": "14(1)/2021-ES(2)",
        "legal_basis": "in-it-act-69a",
        "kind": "block",
        "issued_at": "2021-02-04T09:00:00Z",
        "jurisdictions": ["IN"],
        "targets": notice(2),
    }
    answer = blocklist.post("/v1/directives", order)
    assert answer["items"]["undecided"] == ACCOUNTS
    return str(answer["id"])


def targets_of(blocklist: PersistentClient, directive: str) -> list[str]:
    pages = [blocklist.get(f"/v1/directives/{directive}/items", limit=1000)]
    pages.append(blocklist.get(f"/v1/directives/{directive}/items", limit=1000, cursor=pages[0]["next"]))
    return [item["target"] for page in pages for item in page["items"]]


@dataclass
class End:
    """How a process is made to end, and which have been told: each is told once."""

    process: str
    how: signal.Signals
    told: set[int] = field(default_factory=set)

    def __call__(self, stack: Stack) -> None:
        pid = stack.pids().get(self.process)
        if pid is not None and pid not in self.told:
            self.told.add(pid)
            os.kill(pid, self.how)


def in_steps(stack: Stack, end: End, targets: list[str], act: Any) -> None:
    """Does a hundred targets at a time, and ends the process on the way, each time a little later in a request."""
    for step, start in enumerate(range(0, len(targets), PER_REQUEST)):
        if step in KILLED_AFTER:
            threading.Timer(0.004 * step, end, (stack,)).start()
        act(targets[start : start + PER_REQUEST])


@pytest.mark.parametrize(
    ("database", "process"),
    [("sqlite", "blocklist"), ("sqlite", "notifier"), ("postgres", "blocklist"), ("postgres", "relay"), ("postgres", "notifier")],
)
async def test_a_process_killed_in_the_middle_loses_and_reorders_nothing(
    database: str, process: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with stack_on(database, request, tmp_path) as stack:
        await comes_to_the_same(stack, End(process, signal.SIGKILL))

        assert stack.supervisor.deaths(process) >= 1


@pytest.mark.fault(39)
@pytest.mark.parametrize(("database", "process"), [("postgres", "relay"), ("postgres", "notifier")])
async def test_a_process_told_to_end_in_the_middle_ends_well_and_loses_nothing(
    database: str, process: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    said: list[str] = []
    with stack_on(database, request, tmp_path, said) as stack:
        await comes_to_the_same(stack, End(process, signal.SIGTERM))

    ends = {line.partition(";")[0] for line in said if line.startswith(f"{process}: ended")}
    told_before_it_listened = {f"{process}: ended by SIGTERM"}
    assert ends - told_before_it_listened == {f"{process}: ended with exit status 0"}


async def comes_to_the_same(stack: Stack, end: End) -> None:
    """The 1,178 are decided and 600 of them released while the process ends again and again; whoever looks sees just that."""
    with PersistentClient(stack.blocklist_url) as blocklist, PersistentClient(stack.notifier_url) as notifier:
        directive = submit_second_notice(blocklist)
        targets = targets_of(blocklist, directive)
        decisions = f"/v1/directives/{directive}/decisions"

        in_steps(stack, end, targets, lambda some: blocklist.post(decisions, {"decision": "comply", "targets": some}))
        in_steps(stack, end, targets[:600], lambda some: blocklist.post("/v1/releases", release_of(directive, some)))

        await eventually(lambda: known_to(notifier) == (ACCOUNTS - 600, 600), within=30)
        await eventually(lambda: counts_of(notifier, directive) == (ACCOUNTS, ACCOUNTS - 600, 600), within=30)
        contents = await asyncio.wait_for(read_withholdings(stack.bootstrap, Topics()), 30)
        assert contents.out_of_order == 0
        assert contents.total == ACCOUNTS + 600
        assert contents.withheld == {"IN": ACCOUNTS - 600}


def release_of(directive: str, targets: list[str]) -> dict[str, Any]:
    return {"cause": "error", "directive": directive, "targets": targets, "jurisdictions": ["IN"]}


def known_to(notifier: PersistentClient) -> tuple[int, int]:
    state = notifier.get("/v1/jurisdictions/IN")
    return state["withheld"], state["released"]


def counts_of(notifier: PersistentClient, directive: str) -> tuple[int, int, int]:
    found = notifier.get(f"/v1/directives/{directive}/compliance")
    return found["specified"], found["withheld"], found["released"]["error"]
