"""`python -m services.… backup|restore`, as somebody types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.blocklist import NOBODY_LISTENS

ROOT = Path(__file__).parents[3]


def run(service: str, url: str, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {f"{service.upper()}_DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": NOBODY_LISTENS}
    argv = [sys.executable, "-m", f"services.{service}", *command]
    return subprocess.run(
        argv, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True, check=False, timeout=90
    )


@pytest.mark.parametrize("service", ["blocklist", "notifier"])
def test_a_database_is_backed_up_and_restored(service: str, sqlite_database: str, tmp_path: Path) -> None:
    file = str(tmp_path / "backup")
    assert run(service, sqlite_database, "migrate").returncode == 0

    made = run(service, sqlite_database, "backup", file)
    again = run(service, sqlite_database, "backup", file)
    refused = run(service, sqlite_database, "restore", file)
    done = run(service, sqlite_database, "restore", file, "--no-roll-forward")

    assert (made.returncode, json.loads(made.stdout)["service"]) == (0, service)
    assert (again.returncode, again.stdout, "exists already" in again.stderr) == (1, "", True)
    assert (refused.returncode, refused.stdout, "Refused: Kafka at" in refused.stderr) == (1, "", True)
    assert (done.returncode, json.loads(done.stdout)["epoch"]) == (0, 1001)
