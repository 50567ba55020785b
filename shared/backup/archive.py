"""The file: a tar of one compressed member per table, and the manifest behind them.

Promises
 1. A file under its final name is whole: it is written under another one, read again from its first to its last byte, and
    renamed only then.
 2. What was cut off or changed is noticed before any of it is used, and the table is named.
Does not promise: that nobody made a new manifest for changed tables. Who can write the file can say anything.
"""

import gzip
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import msgspec

from shared.backup.errors import NotBackedUp, NotRestorable
from shared.backup.manifest import FORMAT, Manifest, TableEntry
from shared.backup.rows import reader_of

MANIFEST = "manifest.json"
_COMPRESSION = 1
_PIECE = 1 << 20


class TableSink:
    """Takes the lines of one table, and counts and hashes them."""

    def __init__(self, spool: IO[bytes]) -> None:
        self._out = gzip.GzipFile(fileobj=spool, mode="wb", compresslevel=_COMPRESSION, mtime=0)
        self._hash = sha256()
        self.rows = 0

    def write(self, line: bytes) -> None:
        self._out.write(line)
        self._hash.update(line)
        self.rows += 1

    @property
    def sha256(self) -> str:
        """The hash of all lines so far."""
        return self._hash.hexdigest()

    def finish(self) -> None:
        self._out.close()


class ArchiveWriter:
    def __init__(self, tar: tarfile.TarFile, folder: Path) -> None:
        self._tar = tar
        self._folder = folder

    @contextmanager
    def table(self, name: str) -> Iterator[TableSink]:
        """Whatever is written to the sink inside the block is the table."""
        with tempfile.TemporaryFile(dir=self._folder) as spool:
            sink = TableSink(spool)
            yield sink
            sink.finish()
            self._add(_member(name), spool, spool.tell())

    def finish(self, manifest: Manifest) -> None:
        with tempfile.TemporaryFile(dir=self._folder) as spool:
            spool.write(msgspec.json.format(msgspec.json.encode(manifest)))
            self._add(MANIFEST, spool, spool.tell())

    def _add(self, name: str, spool: IO[bytes], size: int) -> None:
        spool.seek(0)
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._tar.addfile(info, spool)


@contextmanager
def sealed_archive(path: Path) -> Iterator[ArchiveWriter]:
    """A new file, there once the block has ended well and all of it could be read again. Raises NotBackedUp if it exists."""
    if path.exists():
        raise NotBackedUp(f"{path} exists already")
    part = path.with_name(f"{path.name}.part")
    try:
        with open(part, "wb", opener=_private) as out:
            with tarfile.open(fileobj=out, mode="w") as tar:
                yield ArchiveWriter(tar, path.parent)
            out.flush()
            os.fsync(out.fileno())
        Archive.verified(part)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Archive:
    """A backup whose every byte was checked."""

    path: Path
    manifest: Manifest

    @classmethod
    def verified(cls, path: Path) -> "Archive":
        """Raises NotRestorable unless the file is a whole backup, as it was written."""
        found = _hashes(path)
        manifest = _manifest(path)
        for table in manifest.tables:
            if found.get(_member(table.name)) != (table.sha256, table.rows):
                raise NotRestorable(f"table {table.name} is not what the manifest says: the file was changed")
        return cls(path, manifest)

    def rows(self, table: TableEntry) -> Iterator[tuple[Any, ...]]:
        """The rows of the table, in the order in which they were written."""
        read = reader_of(table.columns)
        with tarfile.open(self.path) as tar, _opened(tar, tar.getmember(_member(table.name))) as lines:
            yield from map(read, lines)


def _hashes(path: Path) -> dict[str, tuple[str, int]]:
    """Hash and number of lines of each table's member."""
    found: dict[str, tuple[str, int]] = {}
    reached = "the first table"
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                reached = _named(member.name)
                if member.name != MANIFEST:
                    found[member.name] = _hash(tar, member)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise NotRestorable(f"the file breaks off or is damaged at {reached}: {error}") from error
    return found


def _hash(tar: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[str, int]:
    hashed, lines = sha256(), 0
    with _opened(tar, member) as content:
        while piece := content.read(_PIECE):
            hashed.update(piece)
            lines += piece.count(b"\n")
    return hashed.hexdigest(), lines


def _manifest(path: Path) -> Manifest:
    try:
        with tarfile.open(path) as tar:
            content = tar.extractfile(MANIFEST)
            manifest = msgspec.json.decode(content.read() if content else b"", type=Manifest)
    except (tarfile.TarError, KeyError, msgspec.MsgspecError) as error:
        raise NotRestorable(f"the manifest is missing or damaged: the file breaks off behind its tables ({error})") from error
    if manifest.format != FORMAT:
        raise NotRestorable(f"the backup has format {manifest.format}, this release reads {FORMAT}")
    return manifest


def _opened(tar: tarfile.TarFile, member: tarfile.TarInfo) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=tar.extractfile(member), mode="rb")


def _member(table: str) -> str:
    return f"{table}.jsonl.gz"


def _named(member: str) -> str:
    return f"table {member.removesuffix('.jsonl.gz')}" if member != MANIFEST else "the manifest"


def _private(path: str, flags: int) -> int:
    """What is in a backup is for its owner alone."""
    return os.open(path, flags, 0o600)
