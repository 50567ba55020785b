"""Runs a command: opens its transaction, carries it out once per idempotency key, commits, then counts.

Promises: a COMMIT whose end nobody saw is never guessed at. With an idempotency key the command is run again, and its key waits
for the transaction in doubt: its answer is there, or it never happened. Without one the name of its batch decides likewise.
Does not promise: to find it out for a command without a key that changes no item, nor while the database stays away. Then
OutcomeUnknown says how the caller can.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.batch import BatchId, OpenBatch
from services.blocklist.domain.limits import Limits
from services.blocklist.handlers.limits import hold_within
from services.blocklist.handlers.overlaps import Overlap, overlaps
from services.blocklist.handlers.unit import Unit, close_batch
from services.blocklist.metrics import CommandMetrics
from services.blocklist.store import batches, idempotency
from services.blocklist.store.idempotency import Answer, Attempt
from shared.backoff import Backoff
from shared.clock import Clock
from shared.db import Database
from shared.outages import OutcomeUnknown, is_outage
from shared.steps import Step, reached
from shared.topics import Topics

T = TypeVar("T")

OVERLAPS_SHOWN = 100

LOOKS = 4
"""How often an outcome is looked for before the caller is told that it is unknown: about a second."""

_backoff = Backoff(base=timedelta(milliseconds=50), cap=timedelta(seconds=1))

WITH_KEY = "it is not known whether this was done: send the same request again with the same Idempotency-Key, and it is done once"
WITHOUT_KEY = (
    "it is not known whether this was done: look at GET /v1/batches, or at the directive's timeline, before you send it again; "
    "with an Idempotency-Key it can always be sent again"
)


@dataclass(frozen=True, slots=True)
class _Made:
    """What a transaction has done, and would answer, when it asks to be committed."""

    unit: Unit
    answer: Answer


class Commands:
    def __init__(
        self, *, database: Database, topics: Topics, clock: Clock, metrics: CommandMetrics, limits: Limits | None = None
    ) -> None:
        self._database = database
        self._topics = topics
        self._clock = clock
        self._metrics = metrics
        self._limits = limits or Limits()

    async def run(self, handle: Callable[[Unit], Awaitable[T]]) -> T:
        """The handler's result, committed. Raises what the handler raises, with nothing stored."""

        async def work(connection: AsyncConnection) -> tuple[T, Unit]:
            done = await self._work(connection, handle)
            reached(Step.COMMAND_CARRIED_OUT)
            return done

        result, unit = await self._database.write(work)
        reached(Step.COMMAND_COMMITTED)
        self._metrics.count(unit.emitted)
        return result

    async def answer(
        self, attempt: Attempt | None, handle: Callable[[Unit], Awaitable[Answer]], *, confirmed: int | None = None
    ) -> Answer:
        """Like `run`, within the limits on how much may change, and once per idempotency key.

        `confirmed` is how many items the caller expects to change. A request whose key was answered before gets that answer.
        """

        made: list[_Made] = []

        async def once(unit: Unit) -> Answer:
            stored = await idempotency.claim(unit.connection, attempt, unit.now) if attempt else None
            if stored:
                return stored
            answer = await handle(unit)
            await hold_within(unit, self._limits, confirmed)
            if attempt:
                await idempotency.keep(unit.connection, attempt, answer)
            made.append(_Made(unit, answer))
            return answer

        try:
            return await self.run(once)
        except OutcomeUnknown as unknown:
            found = await self._find_out(attempt, once, made)
            if found is None:
                raise OutcomeUnknown(WITH_KEY if attempt else WITHOUT_KEY) from unknown
            return found

    async def _find_out(
        self, attempt: Attempt | None, once: Callable[[Unit], Awaitable[Answer]], made: Sequence[_Made]
    ) -> Answer | None:
        """The answer of what was in doubt, or of doing it once it is known not to have happened. None if it stays in doubt."""
        for look in range(1, LOOKS + 1):
            await asyncio.sleep(_backoff.delay(look, random.random()).total_seconds())  # noqa: S311 (jitter)
            try:
                if attempt is None:
                    last = made[-1]
                    if last.unit.batch.name is None:
                        return None
                    if await self._committed(last.unit):
                        self._metrics.count(last.unit.emitted)
                        return last.answer
                return await self.run(once)
            except Exception as error:
                if not is_outage(error):
                    raise
        return None

    async def _committed(self, unit: Unit) -> bool:
        """Whether the unit's transaction was. Waits for its end: a name that it has taken cannot be taken before."""
        return await self._database.rehearse(lambda connection: batches.is_taken(connection, unit.batch, unit.now))

    async def rehearse(self, handle: Callable[[Unit], Awaitable[Answer]]) -> Answer:
        """The answer that `handle` would give, and what other directives hold of what it would change. Nothing of it stays."""

        async def work(connection: AsyncConnection) -> Answer:
            answer, unit = await self._work(connection, handle)
            return rehearsed(answer, unit.batch.reach.items, await overlaps(unit))

        return await self._database.rehearse(work)

    async def _work(self, connection: AsyncConnection, handle: Callable[[Unit], Awaitable[T]]) -> tuple[T, Unit]:
        unit = Unit(connection, self._topics, self._clock(), OpenBatch(id=BatchId(f"bat_{uuid4().hex}")))
        result = await handle(unit)
        await close_batch(unit)
        return result, unit


def rehearsed(answer: Answer, count: int, found: Sequence[Overlap]) -> Answer:
    """The same body with what a rehearsal adds to it: `confirm_count` is what to send to have it done."""
    body: dict[str, Any] = msgspec.json.decode(answer.body)
    shown = [{"target": one.target, "jurisdiction": one.jurisdiction, "held_by": one.held_by} for one in found[:OVERLAPS_SHOWN]]
    body |= {"dry_run": True, "confirm_count": count, "overlaps": shown, "overlaps_total": len(found)}
    return Answer(HTTPStatus.OK, msgspec.json.encode(body), rehearsed=True)
