"""Our state of each jurisdiction is compared with what the blocklist says that it comes to; what differs is found key by key.

Promises: each digest is compared once, soon after it came. A jurisdiction that diverged is compared with the blocklist key by
key, in pages, as of the same instant, keys that only one of both knows included: even a last event that was lost without a trace
is found, and a row that somebody edited. Whatever differs is asked for, and healed by the rule of versions.
Does not promise: to mend a version that the blocklist tells otherwise. That key is held, for an operator.
"""

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Protocol

from services.notifier.commands import Commands
from services.notifier.domain.digests import Sum
from services.notifier.handlers.digests import (
    ask_about,
    conclude,
    finish_resync,
    notice_silence,
    postpone_resync,
    to_compare,
    to_resync,
)
from services.notifier.history import HistoryUnavailable
from services.notifier.store.digests import Told
from services.notifier.tables import withholding_history, withholdings
from shared.db import Database
from shared.digest import Digest
from shared.ids import Jurisdiction, Key
from shared.logs import get_logger
from shared.outbox.wakeup import Lead
from shared.states import State, Versions, digests_at, pages_at, states_of
from shared.tasks import pause

log = get_logger(__name__)

COMPARER = Lead(name="comparer", number=0x6777636D, channel=None)

VERSIONS = Versions(latest=withholdings, earlier=withholding_history)

POLL_SECONDS = 1.0
AGAIN = timedelta(seconds=10)
"""After the blocklist did not answer."""

PER_PAGE = 500


class StateSource(Protocol):
    """Who knows what is withheld. Raises HistoryUnavailable when it cannot say."""

    def states(self, place: Jurisdiction, at: datetime) -> AsyncIterator[State]: ...


class Comparer:
    def __init__(self, *, commands: Commands, database: Database, source: StateSource, topic: str) -> None:
        self._commands = commands
        self._database = database
        self._source = source
        self._topic = topic

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop."""
        while not stop.is_set():
            await self.run_once(stop)
            await pause(stop, POLL_SECONDS)

    async def run_once(self, stop: asyncio.Event) -> None:
        """Compares what there is to compare, until told to stop."""
        new = await self._commands.ask(lambda unit: to_compare(unit, self._topic))
        for told in new:
            if not stop.is_set():
                await self._compare(told)
        if new:
            await self._commands.run(notice_silence)
        for told in await self._commands.ask(to_resync):
            if not stop.is_set():
                await self._resync(told)

    async def _compare(self, told: Told) -> None:
        found = await digests_at(self._database, VERSIONS, told.as_of, place=told.jurisdiction)
        own = found.get(told.jurisdiction, Digest())
        sum_ = Sum(keys=own.keys, withheld=own.withheld, digest=own.hex)
        await self._commands.run(lambda unit: conclude(unit, told, sum_, self._topic))

    async def _resync(self, told: Told) -> None:
        try:
            differing = await self._ask_what_differs(told)
        except HistoryUnavailable as error:
            log.warning("resync_waits_for_the_blocklist", jurisdiction=told.jurisdiction, error=str(error))
            await self._commands.run(lambda unit: postpone_resync(unit, told.jurisdiction, AGAIN))
            return
        log.warning("resynced", jurisdiction=told.jurisdiction, differing=differing)
        await self._commands.run(lambda unit: finish_resync(unit, told.jurisdiction))

    async def _ask_what_differs(self, told: Told) -> int:
        """Answers how many keys differ."""
        known, differing = array("Q"), 0
        async for page in _paged(self._source.states(told.jurisdiction, told.as_of)):
            keys = [state.key for state in page]
            ours = await self._database.read(lambda connection, keys=keys: states_of(connection, VERSIONS, keys, told.as_of))  # type: ignore[misc]
            differing += await self._ask([state.key for state in page if ours.get(state.key) != state])
            known.extend(map(_mark, keys))
        marks = sorted(known)
        async for page in pages_at(self._database, VERSIONS, told.as_of, place=told.jurisdiction):
            differing += await self._ask([state.key for state in page if not _holds(marks, _mark(state.key))])
        return differing

    async def _ask(self, keys: Sequence[Key]) -> int:
        if keys:
            await self._commands.run(partial(ask_about, differing=keys))
        return len(keys)


async def _paged(states: AsyncIterator[State]) -> AsyncIterator[Sequence[State]]:
    page: list[State] = []
    async for state in states:
        page.append(state)
        if len(page) == PER_PAGE:
            yield page
            page = []
    if page:
        yield page


def _mark(key: Key) -> int:
    """Eight bytes that stand for the key, so that a million of them fit."""
    return int.from_bytes(sha256(str(key).encode()).digest()[:8], "big")


def _holds(marks: Sequence[int], mark: int) -> bool:
    place = bisect_left(marks, mark)
    return place < len(marks) and marks[place] == mark
