"""Idempotency keys: the first request with a key is carried out, equal ones get its answer, others are refused.

Promises: key, change and answer are one transaction, so that a crash leaves the change with its answer, or neither.
Equal requests at the same time wait for the first one. A refused request leaves no trace: its key may be used again.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.tables import idempotency
from shared.http.problems import Fault, Kind, Refusal
from shared.sql import upsert


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request under a key. The fingerprint covers method, path and body."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    location: str | None = None
    replayed: bool = False
    rehearsed: bool = False

    @property
    def fresh(self) -> bool:
        """Whether what it tells was done just now: not before, and not for show."""
        return not (self.replayed or self.rehearsed)


async def claim(connection: AsyncConnection, attempt: Attempt, now: datetime) -> Answer | None:
    """Takes the key for this transaction, or gives the answer that it has. Raises Refusal if it was used for another request."""
    empty = {"key": attempt.key, "fingerprint": attempt.fingerprint, "status": 0, "body": b"", "created_at": now}
    taken = await connection.execute(
        upsert(connection, idempotency).values(empty).on_conflict_do_nothing().returning(idempotency.c.key)
    )
    if taken.first():
        return None
    columns = (idempotency.c.fingerprint, idempotency.c.status, idempotency.c.body, idempotency.c.location)
    stored = (await connection.execute(select(*columns).where(idempotency.c.key == attempt.key))).one()
    if stored.fingerprint != attempt.fingerprint:
        detail = "this Idempotency-Key belongs to another request"
        raise Refusal(Kind.KEY_REUSED, detail, (Fault(detail, parameter="Idempotency-Key"),))
    return Answer(stored.status, stored.body, stored.location, replayed=True)


async def keep(connection: AsyncConnection, attempt: Attempt, answer: Answer) -> None:
    """Stores the answer of the request that holds the key."""
    values = {"status": answer.status, "body": answer.body, "location": answer.location}
    await connection.execute(update(idempotency).where(idempotency.c.key == attempt.key).values(values))
