"""Where the story plays: the running stack, its clock, and three enforcement points as processes of their own."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from os import environ, kill
from pathlib import Path
from typing import Any

from rich.console import Console

from shared.clock import clock_from, set_clock
from tools.broker import free_port, is_free
from tools.demo.http import Api
from tools.stack import Stack, StackSettings, running_stack
from tools.supervisor import Service

POINTS = ("timeline", "search", "cdn")
SETTLED_WITHIN = 30.0


class TooLate(Exception):
    """Something that should have happened did not, within the time that a user would wait."""


@dataclass(frozen=True, slots=True)
class Scene:
    stack: Stack
    blocklist: Api
    notifier: Api
    clock_file: Path
    console: Console

    def now(self, instant: datetime) -> None:
        """Moves the clock of every process."""
        set_clock(self.clock_file, instant)

    def instant(self) -> datetime:
        """What the clock of every process says now."""
        return clock_from(self.clock_file)()

    def tell(self, when: str, what: str) -> None:
        self.console.print(f"[bold cyan]{when}[/]  {what}")

    @contextmanager
    def cut_off(self, point: str) -> Iterator[None]:
        """The point neither reads nor answers inside the block, as if the network to it were down."""
        pid = self.stack.pids()[point]
        kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            kill(pid, signal.SIGCONT)

    def until(self, what: str, observe: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
        """Polls until what is observed is as wanted, and gives it. Raises TooLate with what was seen last."""
        seen = self._poll(observe, wanted)
        if not wanted(seen):
            raise TooLate(f"{what}: still {seen!r} after {SETTLED_WITHIN:g} s")
        return seen

    def settle(self, observe: Callable[[], Any], wanted: Any) -> Any:
        """Polls until what is observed equals what is wanted, and gives what was seen last, be it that or not."""
        return self._poll(observe, lambda seen: seen == wanted)

    @staticmethod
    def _poll(observe: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + SETTLED_WITHIN
        while not wanted(seen := observe()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return seen


@contextmanager
def set_scene(folder: Path, console: Console, *, begin: datetime) -> Iterator[Scene]:
    """Everything up on a clock that says `begin`; everything down, and its state left in `folder`, after the block."""
    clock_file = folder / "clock.json"
    set_clock(clock_file, begin)
    settings = _on_free_ports(StackSettings.from_env({**environ, "GEOWITHHOLD_VAR": str(folder), **_OWN}))
    with running_stack(replace(settings, clock_file=clock_file), say=lambda _line: None) as stack:
        scene = Scene(stack, Api(stack.blocklist_url), Api(stack.notifier_url), clock_file, console)
        for name in POINTS:
            scene.notifier.put(f"/v1/enforcement-points/{name}", {"jurisdictions": ["IN"], "ack_within_seconds": 60})
            stack.supervisor.add(_point(stack, name))
        yield scene


_OWN = {"KAFKA_BOOTSTRAP_SERVERS": "", "BLOCKLIST_DATABASE_URL": "", "NOTIFIER_DATABASE_URL": ""}
"""The demo brings its own broker and databases, whatever the environment says: it replays a past that must be empty."""


def _point(stack: Stack, name: str) -> Service:
    argv = [sys.executable, "-m", "examples.enforcement_point", name, "IN"]
    return Service(name=name, argv=argv, env=stack.env, log_path=stack.log_dir / f"point-{name}.log")


def _on_free_ports(settings: StackSettings) -> StackSettings:
    """The usual ports where they are free, others where they are not."""
    return replace(
        settings,
        blocklist_port=_free(settings.blocklist_port),
        notifier_port=_free(settings.notifier_port),
        relay_port=_free(settings.relay_port),
        kafka_port=_free(settings.kafka_port),
    )


def _free(port: int) -> int:
    return port if is_free(port) else free_port()
