"""Where *now* comes from. Handlers ask a clock once and pass the instant on; domain code never asks."""

import json
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

Clock = Callable[[], datetime]
"""Answers the present instant, aware and in UTC."""


def system_clock() -> datetime:
    return datetime.now(UTC)


class SettableClock:
    """A clock that starts where its file says and then runs at the pace of the wall clock.

    Several processes that share the file share the time. It exists so that a story from 2021 can be replayed with its own dates;
    settings refuse it in production. A missing file means wall time.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: int | None = None
        self._shift = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self._shift_now()

    def _shift_now(self) -> timedelta:
        try:
            stamp = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            return timedelta()
        if stamp != self._seen:
            self._shift = timedelta(seconds=json.loads(self._file.read_text())["shift_seconds"])
            self._seen = stamp
        return self._shift


def set_clock(file: Path, now: datetime) -> None:
    """Moves every process that reads `file` to `now`. The file is replaced whole, so nobody reads half of it."""
    shift = (now - system_clock()).total_seconds()
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=file.name)
    with os.fdopen(handle, "w") as stream:
        json.dump({"shift_seconds": shift}, stream)
    Path(name).replace(file)


def clock_from(file: Path | None) -> Clock:
    return SettableClock(file) if file else system_clock
