"""One SQLite file takes the place of another, with whatever belongs to it."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

_BESIDE = ("-wal", "-shm", "-journal")


def take_place(new: Path, file: Path) -> None:
    """`file` is the old database or the new one at every moment, and never has the journal of another one beside it."""
    if file.exists():
        _settle(file)
        kept = file.with_name(f"{file.name}.replaced")
        kept.unlink(missing_ok=True)
        os.link(file, kept)
    _sync(new)
    new.replace(file)
    _sync(file.parent)


def remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    for suffix in _BESIDE:
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _settle(file: Path) -> None:
    """Brings what a process that died has left beside the database into it; one that cannot be read has nothing to be brought."""
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    for suffix in _BESIDE:
        file.with_name(file.name + suffix).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
