"""Simulated processes: they stop for a while, or die between two steps and are started again by somebody.

Promises: a process that died does nothing any more, whatever of it is still scheduled: everything that it could do with the world
outside begins and ends with `breathe`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar

from shared.steps import Step
from tests.simulation.weather import Misfortune, Weather

current: ContextVar["Process | None"] = ContextVar("current", default=None)
"""Whose code runs now; tasks inherit it from who made them."""


class Killed(BaseException):
    """The process ends here. No handler of errors may go on."""


class Process:
    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = asyncio.Event()
        self._going = asyncio.Event()
        self._going.set()

    async def breathe(self) -> None:
        """Returns as soon as the process goes; never, once it is dead."""
        await self._going.wait()
        if self.dead.is_set():
            await asyncio.Event().wait()

    def pause(self) -> None:
        self._going.clear()

    def go_on(self) -> None:
        self._going.set()


Body = Callable[[Process], Awaitable[None]]


def strike_at_steps(weather: Weather) -> Callable[[Step], None]:
    """An observer by which whoever reaches a step may die there."""

    def observer(_step: Step) -> None:
        process = current.get()
        if process is not None and not process.dead.is_set() and weather.strikes(Misfortune.KILLED):
            process.dead.set()
            raise Killed

    return observer


async def supervised(name: str, body: Body, weather: Weather, stop: asyncio.Event) -> None:
    """Runs the body in one process after the other, each a while after the death of the one before, until told to stop."""
    life = 0
    while not stop.is_set():
        life += 1
        process = Process(f"{name}-{life}")
        current.set(process)
        working = asyncio.create_task(_lived(body, process))
        nemesis = asyncio.create_task(_trouble(process, weather))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            process.go_on()
            await asyncio.wait({working}, timeout=60)
        process.dead.set()
        for task in (working, nemesis, stopped):
            task.cancel()
        await asyncio.gather(working, nemesis, stopped, return_exceptions=True)
        await weather.some_time(5.0)


async def _lived(body: Body, process: Process) -> None:
    """Until the body ends, or the process dies."""
    working, dying = asyncio.ensure_future(body(process)), asyncio.ensure_future(process.dead.wait())
    await asyncio.wait({working, dying}, return_when=asyncio.FIRST_COMPLETED)
    dying.cancel()
    while not working.done():
        working.cancel()  # once may not do: `wait_for` swallows it if what it waits for comes at the same instant
        await asyncio.wait({working}, timeout=30)
    await asyncio.gather(working, dying, return_exceptions=True)


async def _trouble(process: Process, weather: Weather) -> None:
    """Now and then it stands still, longer than any lease sometimes."""
    while True:
        await weather.some_time(20.0)
        if weather.strikes(Misfortune.PAUSED):
            process.pause()
            await weather.some_time(40.0)
            process.go_on()
