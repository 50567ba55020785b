"""A notifier without Kafka and HTTP: its database, its clock, its metrics, and short ways to ask it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.commands import Commands
from services.notifier.domain.points import Point
from services.notifier.handlers.cases import record_case_events
from services.notifier.handlers.deadlines import look_at_items, run_out
from services.notifier.handlers.happenings import CaseRecord
from services.notifier.handlers.points import register_point
from services.notifier.handlers.reports import Reported, record_reports
from services.notifier.handlers.withholdings import record_withholdings
from services.notifier.metrics import FactMetrics
from services.notifier.outbox import OUTBOX
from services.notifier.tables import enforcements, version_holes, withholding_history, withholdings
from shared.db import Database
from shared.events import CaseEvent, EnforcementReported, Envelope, WithholdingChanged, decode
from shared.ids import PointId, TargetType
from shared.jurisdictions import expand
from shared.registry import Registry, load_registry
from shared.topics import Topics
from tests.support.outbox import unpublished, waiting_lanes
from tests.unit.notifier.builders import AT

PACKAGE = "services.notifier"
TOPICS = Topics(prefix="test")


@cache
def registry() -> Registry:
    return load_registry()


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = AT) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class World:
    database: Database
    clock: FakeClock = field(default_factory=FakeClock)
    instruments: CollectorRegistry = field(default_factory=CollectorRegistry)
    made: list[Commands] = field(default_factory=list)

    @property
    def commands(self) -> Commands:
        if not self.made:
            metrics = FactMetrics(self.instruments)
            commands = Commands(database=self.database, registry=registry(), topics=TOPICS, clock=self.clock, metrics=metrics)
            self.made.append(commands)
        return self.made[0]

    async def findings(self) -> list[Envelope]:
        """What waits to be published, in the order in which it was found."""

        async def work(connection: AsyncConnection) -> list[tuple[int, Envelope]]:
            lanes = await waiting_lanes(connection, OUTBOX)
            entries = [entry for lane in lanes for entry in await unpublished(connection, OUTBOX, lane)]
            return [(entry.id, decode(record.value, record.headers)) for entry in entries for record in entry.records]

        return [envelope for _, envelope in sorted(await self.database.read(work), key=lambda found: found[0])]

    async def withhold(self, *events: WithholdingChanged) -> None:
        await self.commands.run(lambda unit: record_withholdings(unit, events))

    async def report(self, *events: EnforcementReported) -> Reported:
        return await self.commands.run(lambda unit: record_reports(unit, events))

    async def tell(self, *events: CaseEvent, at: datetime | None = None) -> None:
        records = [CaseRecord(event, at or self.clock()) for event in events]
        await self.commands.run(lambda unit: record_case_events(unit, records))

    async def let_time_work(self) -> None:
        """Records all that has run out by now, as the loop would."""
        await self.commands.run(lambda unit: run_out(unit, limit=1000))
        await self.commands.run(lambda unit: look_at_items(unit, limit=1000))

    async def register(
        self, id_: str = "search", *places: str, types: Sequence[TargetType] = tuple(TargetType), ack_within: float = 60
    ) -> None:
        requested = places or ("IN",)
        point = Point(
            id=PointId(id_),
            requested=requested,
            jurisdictions=expand(requested),
            target_types=frozenset(types),
            ack_within=timedelta(seconds=ack_within),
        )
        await self.commands.run(lambda unit: register_point(unit, point))

    async def rows(self, statement: Select[Any]) -> list[tuple[Any, ...]]:
        async def work(connection: AsyncConnection) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in await connection.execute(statement)]

        return await self.database.read(work)

    async def count(self, table: Table) -> int:
        ((number,),) = await self.rows(select(func.count()).select_from(table))
        return int(number)

    async def present(self) -> dict[str, tuple[int, str]]:
        """Version and state of each key."""
        c = withholdings.c
        found = await self.rows(select(c.jurisdiction, c.target, c.version, c.state))
        return {f"{place}/{target}": (version, state) for place, target, version, state in found}

    async def past(self) -> list[int]:
        """The versions in the history of the only key there is."""
        found = await self.rows(select(withholding_history.c.version).order_by(withholding_history.c.version))
        return [version for (version,) in found]

    async def holes(self) -> dict[str, tuple[int, int | None]]:
        c = version_holes.c
        return {
            f"{row[0]}/{row[1]}": (row[2], row[3]) for row in await self.rows(select(c.jurisdiction, c.target, c.first, c.last))
        }

    async def answers(self, *, current: bool = True) -> list[tuple[str, str, int, str]]:
        """Point, target, version and state of enforcements."""
        c = enforcements.c
        wanted = select(c.point, c.target, c.version, c.state).where(c.current.is_(current))
        found = await self.rows(wanted.order_by(c.point, c.target, c.version))
        return [(point, target, version, state) for point, target, version, state in found]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.instruments.get_sample_value(name, labels)
