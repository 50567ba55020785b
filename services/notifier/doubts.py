"""What makes the answers less certain than they look, for `/readyz`: nothing of it makes the service unready."""

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.store import held, quarantine
from shared.db import Database
from shared.http.readiness import Check, Said


def certain(database: Database) -> Check:
    """How many records nobody is done with, and of how many keys and directives nobody knows how they stand."""

    async def check() -> Said:
        counts = await database.read(_counts)
        return Said(details=counts, degraded="there are records that could not be understood" if any(counts.values()) else None)

    return check


async def _counts(connection: AsyncConnection) -> dict[str, int]:
    return {
        "quarantined": await quarantine.count(connection),
        "quarantined_about_nobody_knows_what": await held.unplaced(connection),
        "held_keys": (await held.count_keys(connection)).total(),
        "held_directives": await held.count_directives(connection),
    }
