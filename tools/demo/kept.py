"""`KEEP=1`: the demo ends for the caller, and goes on in a process of its own until `make stop`."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

STOP_WITHIN = 20.0

Hold = Callable[[int], None]
"""Gives the exit status to the caller and returns only when the kept demo is told to stop."""


def in_background(folder: Path, perform: Callable[[Hold], int]) -> int:
    """Runs `perform` in a session of its own and gives its exit status as soon as it holds, or has ended."""
    folder.mkdir(parents=True, exist_ok=True)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os._exit(_keep(folder, writer, perform))
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read(1)
    return told[0] if told else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def stop_kept(folder: Path) -> bool:
    """Stops a demo that was left running, and waits until it is gone. Answers whether there was one."""
    pid_file = _pid_file(folder)
    if not pid_file.exists():
        return False
    pid = int(pid_file.read_text())
    deadline = time.monotonic() + STOP_WITHIN
    try:
        os.kill(pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.05)
    except ProcessLookupError:
        pid_file.unlink(missing_ok=True)
        return True
    raise TimeoutError(f"the demo with process id {pid} does not stop")


def _keep(folder: Path, writer: int, perform: Callable[[Hold], int]) -> int:
    os.setsid()
    pid_file = _pid_file(folder)
    pid_file.write_text(str(os.getpid()))

    def hold(status: int) -> None:
        _detach(folder)
        os.write(writer, bytes([status]))
        os.close(writer)
        signal.pause()

    try:
        return perform(hold)
    finally:
        sys.stdout.flush()
        pid_file.unlink(missing_ok=True)


def _detach(folder: Path) -> None:
    """Lets go of the caller's terminal: a pipe on it would otherwise never end."""
    sys.stdout.flush()
    log = os.open(folder / "demo.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, target)


def _pid_file(folder: Path) -> Path:
    return folder / "demo.pid"
