"""How a process ends that was told to.

Told once, it is unready at once and goes on serving for a while, because those who send to it learn of that a little later; then
it accepts nothing more, finishes what is under way, ends its background work and exits with 0. Told twice, it does not wait for
senders. Told three times, it is gone at once, as with `kill -9`, which loses nothing either.
"""

import asyncio
import time

HASTENED = 2
"""So often told, it waits for nobody who still sends."""

GONE = 3

_STEP = 0.05


class Ending:
    """How often the process was told to end. `tell` may be called from a signal handler."""

    def __init__(self) -> None:
        self._told = 0

    @property
    def begun(self) -> bool:
        return self._told > 0

    def tell(self) -> int:
        """Answers how often it has been told by now."""
        self._told += 1
        return self._told

    async def wait_for_senders(self, seconds: float) -> None:
        """Goes on for so long, or until it is told again."""
        until = time.monotonic() + seconds
        while self._told < HASTENED and time.monotonic() < until:  # noqa: ASYNC110 (no signal handler may set an event)
            await asyncio.sleep(_STEP)
