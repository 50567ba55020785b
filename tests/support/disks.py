"""Disks that fail: one that is full, and fsyncs that report an error. Real ones: this takes root and strace, and says so."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_FSYNCS = "fsync,fdatasync"

MEBIBYTE = 1024 * 1024


class Disk:
    """A file system of a fixed size. What `fill` takes, `free` gives back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Takes every byte that is left."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (MEBIBYTE, 4096, 1):
                while _wrote(ballast.fileno(), size):
                    pass

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(mebibytes: int) -> Iterator[Disk]:
    """A disk of this size, gone with all that is on it after the block."""
    with tempfile.TemporaryDirectory(prefix="geowithhold-disk-") as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0755", "tmpfs", folder], check=False, capture_output=True
        )
        if mounted.returncode != 0:
            pytest.fail(f"a disk that can be full takes root and the right to mount: {mounted.stderr.decode()}")
        try:
            yield Disk(Path(folder))
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def failing_fsyncs(*pids: int) -> Iterator[Callable[[], int]]:
    """Within the block every fsync and fdatasync of these processes, and of what they start, fails with EIO and does nothing.

    Gives how many have failed so far. `strace` does it from outside, so that a process can start in health.
    """
    if shutil.which("strace") is None:
        pytest.fail("fsyncs that fail take strace: apt-get install strace")
    with tempfile.TemporaryDirectory(prefix="geowithhold-strace-") as folder:
        seen = Path(folder) / "seen"
        attached = [argument for pid in pids for argument in ("-p", str(pid))]
        command = ["strace", "-f", "-o", str(seen), "-e", f"trace={_FSYNCS}", "-e", f"inject={_FSYNCS}:error=EIO", *attached]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            try:
                _wait_until_attached(tracer, len(pids))
                yield lambda: seen.read_text().count("(INJECTED)")
            finally:
                tracer.terminate()


def _wait_until_attached(tracer: subprocess.Popen[str], processes: int) -> None:
    """Reads what the tracer says until it holds them all. What has ended meanwhile cannot be held, nor does it matter."""
    assert tracer.stderr is not None
    said = []
    while processes:
        line = tracer.stderr.readline()
        said.append(line)
        if "Operation not permitted" in line or not line:
            pytest.fail(f"fsyncs that fail take the right to trace processes: {''.join(said)}")
        processes -= "attached" in line or "No such process" in line


def _wrote(file: int, size: int) -> bool:
    try:
        return os.write(file, b"\0" * size) > 0
    except OSError:
        return False
