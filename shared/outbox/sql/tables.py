"""What the relay's statements share: the tables of a service, and the database's own clock."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, and_, func, tuple_, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Instant
from shared.outbox.port import Hold, Owner
from shared.outbox.table import Lane, Outbox

Permission = Callable[[AsyncConnection], Awaitable[bool]]
"""Asked in every turn whether anything may be published now. What is under way is finished first."""

_SQLITE_TIME = "%Y-%m-%d %H:%M:%f000"


async def always(_connection: AsyncConnection) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayTables:
    """One service's tables for its relay."""

    outbox: Outbox
    lanes: Table
    members: Table
    system: Table

    def of(self, lane: Lane) -> ColumnElement[bool]:
        return and_(self.lanes.c.topic == lane.topic, self.lanes.c.partition == lane.partition)

    def held(self, owner: Owner, hold: Hold) -> ColumnElement[bool]:
        """The lane's row, as long as nobody else has taken it."""
        return and_(self.of(hold.lane), self.lanes.c.owner == owner, self.lanes.c.epoch == hold.epoch)

    def any_of(self, holds: Iterable[Hold]) -> ColumnElement[bool]:
        named = [(hold.lane.topic, hold.lane.partition, hold.epoch) for hold in holds]
        return tuple_(self.lanes.c.topic, self.lanes.c.partition, self.lanes.c.epoch).in_(named)


def database_now(connection: AsyncConnection, shift: timedelta = timedelta()) -> ColumnElement[datetime]:
    """The database's time, moved by so much. No process's clock has a say in it."""
    if connection.dialect.name == "postgresql":
        return type_coerce(func.now() + shift, Instant)
    return type_coerce(func.strftime(_SQLITE_TIME, "now", f"{shift.total_seconds():+f} seconds"), Instant)
