"""What handlers are given: an open transaction, the one instant at which all of it happens, and the registry of regimes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.facts import Fact
from shared.registry import Registry

RELEASE_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Unit:
    """`found` is what handlers noted; it is told to others only once the transaction has committed.

    `release_within` is how soon releases are to be applied everywhere: our own promise.
    """

    connection: AsyncConnection
    now: datetime
    registry: Registry
    release_within: timedelta = RELEASE_WITHIN
    found: list[Fact] = field(default_factory=list)
