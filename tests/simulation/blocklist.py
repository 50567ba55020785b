"""The blocklist as the relay sees it: an outbox that transactions fill, and a store that misfortune comes to.

Promises, as the real one does: a key's row is numbered, and its version given, under a lock that is held until the commit; ids
become visible out of order; some transactions never commit, and their ids are lost.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from services.blocklist.outbox import OUTBOX
from shared.db import OutcomeUnknown
from shared.events import Record, WithholdingChanged, encode
from shared.ids import Jurisdiction, Key, Target, TargetType
from shared.outbox.port import Batch, Hold, Owner, Progress, Roll
from shared.outbox.table import Lane, Row
from shared.topics import Topics
from tests.simulation.process import Process
from tests.simulation.weather import Misfortune, Weather
from tests.support.builders import directive_id
from tests.support.relay_store import FakeRelayStore, StoredRow

T = TypeVar("T")

SOURCE = "/geowithhold/blocklist"
MANY = "many"
STATEMENT = 0.01
TRANSACTION = 1.0
"""Seconds, at most."""


class Blocklist:
    """What is true: `history` has every version of each key that was committed."""

    def __init__(self, store: FakeRelayStore, topics: Topics, weather: Weather, keys: int) -> None:
        self.store = store
        self.history: dict[Key, list[WithholdingChanged]] = defaultdict(list)
        self._topics = topics
        self._weather = weather
        self._keys = [Key(Jurisdiction("IN"), Target(f"account:a{number}")) for number in range(keys)]
        self._locks = {key: asyncio.Lock() for key in self._keys}
        self._bodies: list[Sequence[Record]] = []

    async def change_some(self) -> None:
        """One transaction that changes a few keys, or none at all."""
        chosen = sorted(self._weather.rng.sample(self._keys, self._weather.rng.randint(1, 3)))
        for key in chosen:
            await self._locks[key].acquire()
        try:
            await self._change(chosen)
        finally:
            for key in chosen:
                self._locks[key].release()

    def read(self, form: str, body: bytes) -> Iterable[Record]:
        """The events of a row."""
        return self._bodies[int(body)] if form == MANY else OUTBOX.records(form, body)

    def events(self, lane: Lane, after: int) -> list[tuple[int, Record]]:
        """What was published in the lane after this number, as the source tells it who asks."""
        numbered = [(stored.sequence, stored) for stored in self.store.rows if stored.sequence and stored.row.lane == lane]
        known = [
            (first + offset, record)
            for first, stored in sorted(numbered, key=lambda pair: pair[0])
            for offset, record in enumerate(self.read(stored.row.form, stored.row.body))
        ]
        return [(sequence, record) for sequence, record in known if sequence > after]

    async def _change(self, keys: Sequence[Key]) -> None:
        changes = [self._next(key) for key in keys]
        rows = [(next(iter(self.store.ids)), row) for row in self._rows(changes)]
        await self._weather.some_time(TRANSACTION)
        if self._weather.strikes(Misfortune.COMMIT_FAILED):
            return
        for key, change in zip(keys, changes, strict=True):
            self.history[key].append(change)
        self.store.rows += [StoredRow(id_, row) for id_, row in rows]

    def _next(self, key: Key) -> WithholdingChanged:
        version = len(self.history[key]) + 1
        return WithholdingChanged(
            target=key.target,
            target_type=TargetType.ACCOUNT,
            jurisdiction=key.jurisdiction,
            state="withheld" if version % 2 else "released",
            version=version,
            cause=None if version % 2 else "error",
            directives=(directive_id(version),),
            effective_at=self.store.now(),
            due_at=None,
            label="local_law",
        )

    def _rows(self, changes: Sequence[WithholdingChanged]) -> list[Row]:
        lanes: dict[Lane, list[Record]] = defaultdict(list)
        for change in changes:
            subject = str(Key(change.jurisdiction, change.target))
            lane = Lane(self._topics.withholdings, self._topics.partition_of(subject))
            id_ = f"{subject}@{change.version}"
            lanes[lane].append(encode(change, id=id_, source=SOURCE, subject=subject, time=change.effective_at))
        return [self._row(lane, records) for lane, records in lanes.items()]

    def _row(self, lane: Lane, records: Sequence[Record]) -> Row:
        self._bodies.append(records)
        return Row(lane, MANY, len(records), str(len(self._bodies) - 1).encode())


class StormyStore:
    """One process's way to the relay's store: slow, and not always to be reached."""

    def __init__(self, store: FakeRelayStore, process: Process, weather: Weather) -> None:
        self._store = store
        self._process = process
        self._weather = weather

    async def ensure(self, wanted: Iterable[Lane]) -> None:
        await self._do(lambda: self._store.ensure(wanted))

    async def beat(self, owner: Owner) -> Roll:
        return await self._do(lambda: self._store.beat(owner))

    async def claim(self, owner: Owner, at_most: int) -> Sequence[Hold]:
        return await self._do(lambda: self._store.claim(owner, at_most))

    async def give_up(self, owner: Owner, holds: Sequence[Hold]) -> None:
        await self._do(lambda: self._store.give_up(owner, holds))

    async def leave(self, owner: Owner) -> None:
        await self._do(lambda: self._store.leave(owner))

    async def take(self, owner: Owner, holds: Sequence[Hold], rows: int) -> Sequence[Batch]:
        return await self._do(lambda: self._store.take(owner, holds, rows))

    async def mark(self, owner: Owner, batch: Batch, until: Progress, *, offset: int | None, at: datetime) -> bool:
        return await self._do(lambda: self._store.mark(owner, batch, until, offset=offset, at=at))

    async def halt(self, owner: Owner, hold: Hold, *, reason: str, at: datetime) -> None:
        await self._do(lambda: self._store.halt(owner, hold, reason=reason, at=at))

    async def checkpoint(self, owner: Owner, at: datetime) -> int:
        return await self._do(lambda: self._store.checkpoint(owner, at))

    async def _do(self, work: Callable[[], Awaitable[T]]) -> T:
        await self._process.breathe()
        await self._weather.some_time(STATEMENT)
        if self._weather.strikes(Misfortune.COMMIT_FAILED):
            raise ConnectionError("the transaction was rolled back")
        result = await work()
        if self._weather.strikes(Misfortune.COMMIT_LOST):
            raise OutcomeUnknown
        await self._process.breathe()
        return result
