"""What makes the answers less certain than they look, for `/readyz`: nothing of it makes the service unready."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.store import digests, held, quarantine
from shared.db import Database
from shared.http.readiness import Check, Said


def certain(database: Database) -> Check:
    """How many records nobody is done with, and of how many keys, directives and jurisdictions nobody knows how they stand."""

    async def check() -> Said:
        counts = await database.read(_counts)
        return Said(details=counts, degraded="there is something that nobody knows" if any(counts.values()) else None)

    return check


async def _counts(connection: AsyncConnection) -> dict[str, int]:
    return {
        "quarantined": await quarantine.count(connection),
        "quarantined_about_nobody_knows_what": await held.unplaced(connection),
        "held_keys": (await held.count_keys(connection)).total(),
        "held_directives": await held.count_directives(connection),
        "diverged_jurisdictions": await digests.count_diverged(connection),
    }
