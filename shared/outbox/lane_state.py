"""How the lanes stand, for whoever watches: which are halted and why, and how old the oldest checkpoint is."""

from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.http.readiness import Check, Said
from shared.outbox.sql.tables import RelayTables, database_now
from shared.outbox.table import Lane


@dataclass(frozen=True, slots=True)
class LaneState:
    """`checkpoint_age` is in seconds of the database's clock, 0 while there is no checkpoint."""

    halted: Mapping[Lane, str]
    checkpoint_age: float


async def lane_state(connection: AsyncConnection, tables: RelayTables) -> LaneState:
    lanes = tables.lanes.c
    halted = await connection.execute(
        select(lanes.topic, lanes.partition, lanes.halted_reason)
        .where(lanes.halted_at.is_not(None))
        .order_by(lanes.topic, lanes.partition)
    )
    found = {Lane(topic, partition): str(reason) for topic, partition, reason in halted}
    now, oldest = (await connection.execute(select(database_now(connection), func.min(lanes.checkpointed_at)))).one()
    return LaneState(found, max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)


class LaneMetrics:
    """Read when somebody scrapes; every process of the service tells the same."""

    def __init__(self, registry: CollectorRegistry, database: Database, tables: RelayTables) -> None:
        self._database = database
        self._tables = tables
        self._halted = Gauge(
            "geowithhold_relay_halted_lanes",
            "Lanes whose next events the broker refuses. Each needs somebody.",
            registry=registry,
        )
        self._age = Gauge(
            "geowithhold_relay_checkpoint_age_seconds", "How old the oldest lane's last checkpoint is.", registry=registry
        )

    async def refresh(self) -> None:
        state = await self._database.read(lambda connection: lane_state(connection, self._tables))
        self._halted.set(len(state.halted))
        self._age.set(state.checkpoint_age)


def no_lane_halted(database: Database, tables: RelayTables) -> Check:
    """A lane that is halted needs somebody, and is no reason to accept nothing: the outbox keeps what waits."""

    async def check() -> Said:
        state = await database.look(lambda connection: lane_state(connection, tables))
        halted = {f"{lane.topic}/{lane.partition}": reason for lane, reason in state.halted.items()}
        return Said(
            details={"halted_lanes": halted} if halted else {},
            degraded=f"the broker refuses what comes next in {', '.join(halted)}" if halted else None,
        )

    return check
