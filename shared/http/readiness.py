"""Whether a process can do its work now, put together from what each part of it says."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.db import Database
from shared.ending import Ending
from shared.migrations import is_current
from shared.outages import StoreUnfit

CHECKED_WITHIN = 3.0
"""Seconds for each part. Whoever probes gives up a little later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one part says. `degraded`, in words, is for what is worse than it should be and no reason to send nobody here."""

    ready: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)
    degraded: str | None = None


Check = Callable[[], Awaitable[Said]]
Readiness = Callable[[], Awaitable[dict[str, Any]]]
"""The report: `{"ready": bool, …details}`, with `degraded` where there is something to say."""


def readiness(ending: Ending, checks: Mapping[str, Check]) -> Readiness:
    """Asks each part in this order. The first that is not ready, or that fails, ends the report: what follows may need it."""

    async def report() -> dict[str, Any]:
        if ending.begun:
            return {"ready": False, "draining": True}
        details: dict[str, Any] = {}
        degraded: list[str] = []
        for name, check in checks.items():
            try:
                said = await asyncio.wait_for(check(), CHECKED_WITHIN)
            except Exception as error:  # noqa: BLE001 (whatever it is, the part cannot be relied upon)
                return {"ready": False, **details, name: type(error).__name__}
            details |= said.details
            degraded += [said.degraded] if said.degraded else []
            if not said.ready:
                break
        else:
            return {"ready": True, **details, **({"degraded": degraded} if degraded else {})}
        return {"ready": False, **details}

    return report


def migrated(database: Database, package: str) -> Check:
    """The database is there, can be trusted with what is written, and has all that this code needs."""

    async def check() -> Said:
        try:
            current = await database.look(lambda connection: is_current(connection, package))
        except StoreUnfit as error:
            return Said(ready=False, details={"database": "unfit", "why": str(error)})
        return Said(ready=current, details={"database": "reachable", "migrations": "current" if current else "run migrate"})

    return check
