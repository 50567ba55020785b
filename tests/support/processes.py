"""Processes of ours as tests start them: on a free port, with settings of their own, ended whatever happens."""

import http.client
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.eventually import eventually
from tests.support.launch import command
from tools.broker import HOST
from tools.supervisor import ROOT

STARTS_WITHIN = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """A process that was started, and where it listens."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def ended(self, within: float) -> int:
        """Its exit status, negative for a signal. Raises AssertionError if it still runs by then."""
        await eventually(lambda: self.process.poll() is not None, within=within)
        status: int = self.process.returncode
        return status

    async def ready(self, within: float = STARTS_WITHIN) -> "Running":
        """Itself, once `/readyz` says 200. Raises AssertionError with its log if it ended or is too late."""
        await eventually(self._is_ready, within=within)
        return self

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"ended with {self.process.returncode}: {self.log.read_text()[-2000:]}")
        return status_of(self.port, "/readyz") == http.client.OK


def status_of(port: int, path: str, within: float = 2.0) -> int | None:
    """The status of a GET, None if nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=within)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@contextmanager
def started(
    module: str,
    *arguments: str,
    env: Mapping[str, str],
    port: int,
    log: Path,
    faults: Sequence[str] = (),
    cwd: Path = ROOT,
) -> Iterator[Running]:
    """The module as a process of its own, killed at the end if it has not ended by then. `faults` are the launcher's."""
    argv = command(faults, module, *arguments) if faults else [sys.executable, "-m", module, *arguments]
    with (
        log.open("ab") as output,
        subprocess.Popen(argv, env={**os.environ, **env}, cwd=cwd, stdout=output, stderr=output) as process,
    ):
        try:
            yield Running(process, port, log)
        finally:
            process.kill()


def run(module: str, *arguments: str, env: Mapping[str, str], cwd: Path = ROOT) -> None:
    """Runs the module to its end. Raises AssertionError with what it said if it fails."""
    argv = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(argv, env={**os.environ, **env}, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
