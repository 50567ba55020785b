"""Importing a module starts nothing: no thread, no connection, no metric, no look at our environment."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("services", "shared")

MODULES = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for package in PACKAGES
    for file in sorted((ROOT / package).rglob("*.py"))
    if file.name != "__init__.py" and "migrations" not in file.parts[:-1]
]

PROBE = """
import importlib, os, socket, sys, threading

OURS = ("GEOWITHHOLD", "KAFKA", "BLOCKLIST", "NOTIFIER")

class Watched(dict):
    def __getitem__(self, name):
        note(name)
        return super().__getitem__(name)
    def get(self, name, default=None):
        note(name)
        return super().get(name, default)

def note(name):
    if str(name).startswith(OURS):
        sys.exit(f"reads {name}")

def refuse(*_):
    sys.exit("opens a connection")

os.environ = Watched(os.environ)
socket.socket.connect = refuse
from prometheus_client import REGISTRY
before = set(REGISTRY._names_to_collectors)
for module in sys.argv[1:]:
    importlib.import_module(module)
    if threading.active_count() > 1:
        sys.exit(f"{module} starts a thread")
    if set(REGISTRY._names_to_collectors) != before:
        sys.exit(f"{module} registers a metric")
"""


def test_there_are_modules_to_import() -> None:
    assert {"shared.db", "services.blocklist.app", "services.blocklist.__main__"} <= set(MODULES)


@pytest.mark.parametrize("package", ["shared", "services.blocklist"])
def test_importing_any_module_starts_nothing(package: str) -> None:
    modules = [module for module in MODULES if module.startswith(f"{package}.")]

    done = subprocess.run([sys.executable, "-c", PROBE, *modules], capture_output=True, text=True, cwd=ROOT, check=False)

    assert (done.returncode, done.stderr) == (0, "")
