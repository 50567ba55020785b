"""Garbage on the topic, and a hand in the notifier's database: both are found, told and healed by the running services."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from geowithhold.cli import main
from tests.e2e.client import PersistentClient
from tests.support.broker import produce
from tests.support.eventually import eventually
from tools.stack import Stack, StackSettings, running_stack

OFTEN = {"GEOWITHHOLD_DIGEST_SECONDS": "0.5", "GEOWITHHOLD_DIGEST_LAG_SECONDS": "0"}


def until(check: Callable[[], Any]) -> Any:
    async def look() -> Any:
        return await asyncio.to_thread(check)

    return asyncio.run(eventually(look, within=60))


def metric(stack: Stack, name: str) -> float:
    lines = httpx2.get(f"{stack.notifier_url}/metrics", timeout=20).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def withheld(notifier: PersistentClient) -> int:
    return int(notifier.get("/v1/jurisdictions/IN")["withheld"])


@pytest.mark.fault(28)
@pytest.mark.fault(29)
@pytest.mark.broker
def test_what_nobody_knows_is_found_told_and_healed(tmp_path: Path) -> None:
    settings = StackSettings.on_free_ports(tmp_path, environ=dict(os.environ) | OFTEN)
    with (
        running_stack(settings, say=lambda _: None) as stack,
        PersistentClient(stack.blocklist_url) as blocklist,
        PersistentClient(stack.notifier_url) as notifier,
    ):
        order = {
            "authority": "in-meity",
            "reference": "e2e-1",
            "legal_basis": "in-it-act-69a-emergency",
            "kind": "block",
            "issued_at": "2021-01-31T06:00:00Z",
            "jurisdictions": ["IN"],
            "targets": ["@a", "@b", "@c"],
        }
        blocklist.post("/v1/directives", order)
        until(lambda: withheld(notifier) == 3)

        topic = "geowithhold.withholdings.v1"
        asyncio.run(produce(settings.bootstrap, topic, [("IN/account:a", b"\xff\x00", []), ("?", b"garbage", [])]))
        until(lambda: len(notifier.get("/v1/quarantine")["items"]) == 2)
        until(lambda: metric(stack, "geowithhold_held_keys{") == 0)
        held = next(each for each in notifier.get("/v1/quarantine")["items"] if each["about"])
        assert (held["about"], held["freed_by"]) == ("IN/account:a", "source")
        assert main(["admin", "quarantine", "--url", stack.notifier_url, "replace", str(held["id"]), "--by", "asha"]) == 0
        assert metric(stack, "geowithhold_quarantined ") == 1

        with sqlite3.connect(tmp_path / "notifier.sqlite3", timeout=20) as database:
            database.execute("DELETE FROM withholdings WHERE target = 'account:b'")
        until(lambda: metric(stack, "geowithhold_digest_mismatches_total") >= 1)
        until(lambda: withheld(notifier) == 3)
        until(lambda: metric(stack, "geowithhold_diverged_jurisdictions") == 0)
