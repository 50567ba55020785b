"""Holes are filled from the blocklist, sooner or later.

Promises: every hole is tried again until it is filled, with capped backoff that survives a restart; what a try brings in and the
end of the hole are one transaction. What is known already is not changed by it.
Does not promise: that a hole is filled while the blocklist is away. Nothing waits for it but exact counts of the past.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from services.notifier.commands import Commands
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.handlers.healing import heal_directive, heal_key, open_holes, postpone
from services.notifier.history import HistoryUnavailable
from services.notifier.store.holes import OpenHole
from shared.backoff import Backoff
from shared.events import WithholdingChanged
from shared.ids import DirectiveId, Key
from shared.logs import get_logger
from shared.tasks import pause

log = get_logger(__name__)

PER_TURN = 100
POLL_SECONDS = 0.25


class HistorySource(Protocol):
    """Who knows all that ever was. Raises HistoryUnavailable when it cannot say."""

    async def versions(self, key: Key) -> list[WithholdingChanged]: ...

    async def timeline(self, directive: DirectiveId) -> list[CaseRecord]: ...


class Healer:
    def __init__(self, *, commands: Commands, source: HistorySource, backoff: Backoff | None = None) -> None:
        self._commands = commands
        self._source = source
        self._backoff = backoff or Backoff(base=timedelta(milliseconds=500), cap=timedelta(minutes=1))

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop; the hole at hand is finished first."""
        while not stop.is_set():
            tried = await self.run_once(stop)
            if tried < PER_TURN:
                await pause(stop, POLL_SECONDS)

    async def run_once(self, stop: asyncio.Event) -> int:
        """Tries the holes that are due, until told to stop. Answers how many there were."""
        due = await self._commands.ask(lambda unit: open_holes(unit, limit=PER_TURN))
        for hole in due:
            if stop.is_set():
                break
            await self._try(hole)
        return len(due)

    async def _try(self, found: OpenHole) -> None:
        try:
            healed = await self._heal(found)
        except HistoryUnavailable as error:
            log.warning("history_unavailable", attempts=found.attempts, error=str(error))
            healed = False
        except Exception:  # one hole that cannot be filled must not keep the others from it
            log.exception("hole_not_filled", attempts=found.attempts)
            healed = False
        if not healed:
            wait = self._backoff.delay(found.attempts + 1, random.uniform(0.5, 1))  # noqa: S311 (jitter)
            await self._commands.run(lambda unit: postpone(unit, found.of, wait))

    async def _heal(self, found: OpenHole) -> bool:
        of, asked_at = found.of, self._commands.clock()
        if isinstance(of, Key):
            versions: Sequence[WithholdingChanged] = await self._source.versions(of)
            return await self._commands.run(lambda unit: heal_key(unit, of, found.hole, versions, asked_at=asked_at))
        records = [record for record in await self._source.timeline(of) if record.event.revision >= found.hole.first]
        return await self._commands.run(lambda unit: heal_directive(unit, of, found.hole, records, asked_at=asked_at))
