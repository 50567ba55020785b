"""Keeps child processes alive, for `make run`, the demo and the end-to-end tests.

What it promises: a process that dies is started again with the same command, after 0.2 s, then twice that each time up to
2 s; one that lived 10 s counts as healthy again. Every process stays in the supervisor's own process group, so a signal to
the group reaches all. After `stop` none of them runs. What it does not promise: to clean up when it is itself killed with
SIGKILL.
"""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Self

ROOT = Path(__file__).resolve().parent.parent

FIRST_DELAY = 0.2
LONGEST_DELAY = 2.0
HEALTHY_AFTER = 10.0
STOP_WITHIN = 10.0
_TICK = 0.05

Say = Callable[[str], None]


def say_on_terminal(line: str) -> None:
    print(line, flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What to run. `stopped_last` is for what the others still need while they end: the broker."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    log_path: Path
    cwd: Path = ROOT
    stopped_last: bool = False


@dataclass(slots=True, kw_only=True)
class _Child:
    service: Service
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    delay: float = 0.0
    deaths: int = field(default=0)


class Supervisor:
    """Runs services from `add` until `remove` or `stop`. Its methods may be called from any thread."""

    def __init__(self, services: Iterable[Service] = (), *, say: Say = say_on_terminal) -> None:
        self._say = say
        self._first = tuple(services)
        self._children: dict[str, _Child] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._watcher.start()
        try:
            for service in self._first:
                self.add(service)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add(self, service: Service) -> None:
        """Starts a service and keeps it alive from now on. Raises ValueError when one of that name is there already."""
        with self._lock:
            if self._stopping.is_set() or service.name in self._children:
                raise ValueError(f"cannot start {service.name}: it runs already, or all are being stopped")
            # Known before it runs, so that a Ctrl-C in between still stops it.
            child = self._children[service.name] = _Child(service=service)
            try:
                self._start(child)
            except OSError:
                del self._children[service.name]
                raise

    def remove(self, name: str) -> None:
        """Stops one service and leaves it stopped; `add` brings it back."""
        with self._lock:
            child = self._children.pop(name)
        self._end([child])
        self._say(f"{name}: stopped")

    def stop(self) -> None:
        """Stops all with SIGTERM, and with SIGKILL what still runs after 10 s. Safe to call twice."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        with self._lock:
            children = list(self._children.values())
            self._children.clear()
        self._end([child for child in children if not child.service.stopped_last])
        self._end([child for child in children if child.service.stopped_last])

    def pids(self) -> dict[str, int]:
        """The process ids of what runs now, by name; a service that waits for its restart is not in it."""
        with self._lock:
            running = [(name, child.process) for name, child in self._children.items() if child.process is not None]
            return {name: process.pid for name, process in running if process.poll() is None}

    def deaths(self, name: str) -> int:
        """How often this service has died on its own since it was added."""
        with self._lock:
            return self._children[name].deaths

    def _watch(self) -> None:
        while not self._stopping.wait(_TICK):
            with self._lock:
                for child in self._children.values():
                    self._attend(child, time.monotonic())

    def _attend(self, child: _Child, now: float) -> None:
        if child.process is None:
            if now >= child.start_at:
                self._restart(child)
        elif (code := child.process.poll()) is not None:
            self._bury(child, how=_how_it_ended(code), now=now)

    def _restart(self, child: _Child) -> None:
        try:
            self._start(child)
        except OSError as error:
            self._bury(child, how=f"cannot be started: {error}", now=time.monotonic())

    def _bury(self, child: _Child, *, how: str, now: float) -> None:
        child.delay = next_delay(child.delay, lived=now - child.started_at)
        child.start_at = now + child.delay
        child.process = None
        child.deaths += 1
        self._say(f"{child.service.name}: {how}; starts again in {child.delay:g} s (log: {child.service.log_path})")

    def _start(self, child: _Child) -> None:
        service = child.service
        child.started_at = time.monotonic()
        service.log_path.parent.mkdir(parents=True, exist_ok=True)
        with service.log_path.open("ab") as log:
            child.process = subprocess.Popen(
                list(service.argv),
                env=dict(service.env),
                cwd=service.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._say(f"{service.name}: started, process {child.process.pid}")

    def _end(self, children: Sequence[_Child]) -> None:
        for child in children:
            if child.process is not None:
                child.process.terminate()
        deadline = time.monotonic() + STOP_WITHIN
        for child in children:
            self._await_end(child, deadline)

    def _await_end(self, child: _Child, deadline: float) -> None:
        if child.process is None:
            return
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._say(f"{child.service.name}: did not stop within {STOP_WITHIN:g} s, killed")
            child.process.kill()
            child.process.wait()
        child.process = None


def next_delay(delay: float, *, lived: float) -> float:
    """How long to wait before the next start, from the wait before the last one and how long the process then lived."""
    if delay == 0.0 or lived >= HEALTHY_AFTER:
        return FIRST_DELAY
    return min(delay * 2, LONGEST_DELAY)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside the block the first SIGINT or SIGTERM raises KeyboardInterrupt, and later ones are ignored.

    That lets a clean-up that has begun run to its end. Use it on the main thread only.
    """
    seen = False

    def interrupt(_signum: int, _frame: FrameType | None) -> None:
        nonlocal seen
        if not seen:
            seen = True
            raise KeyboardInterrupt

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(signum, interrupt) for signum in signals]
    try:
        yield
    finally:
        for signum, handler in zip(signals, before, strict=True):
            signal.signal(signum, handler)


def _how_it_ended(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit status {code}"
