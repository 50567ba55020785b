"""How late a breach is recorded with 100,000 clocks open: `python -m benchmarks.clocks` writes `build/bench/clocks.json`.

The loop of the service runs on wall time, over a database of its own whose planner has figures, as it has in daily work.
The delay is from the instant at which a clock falls due to the moment after the commit that records its breach.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from sqlalchemy import Table, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.app import PACKAGE
from services.notifier.commands import Commands
from services.notifier.deadlines import Deadlines
from services.notifier.domain.facts import ClockBreached, Fact
from services.notifier.metrics import FactMetrics
from services.notifier.store.agenda import Wanted, clocks_page, tally
from services.notifier.tables import case_items, clocks, directive_scopes, directives
from shared.db import Database, opened
from shared.migrations import migrate
from shared.registry import load_registry
from shared.topics import Topics
from tests.support.postgres import fresh_database, running_postgres

OPEN = 100_000
SPREAD, SPREAD_SECONDS = 2_000, 20
"""Clocks that fall due one after the other."""

BURST, ITEMS = 1_000, 10
"""Clocks that fall due at the same instant, and the items, all awaited, by which each is judged."""

LEAD = 3.0
"""Seconds from the start of the loop to the first due time."""

PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """One directive with one clock."""

    number: int
    duty: str
    due_at: datetime

    @property
    def id(self) -> str:
        return f"dir_{self.number:032x}"


class Watch(FactMetrics):
    """Notes when each breach had been committed."""

    def __init__(self, wanted: int) -> None:
        super().__init__(CollectorRegistry())
        self.seen: dict[tuple[str, str], float] = {}
        self.done = asyncio.Event()
        self._wanted = wanted

    def tell(self, facts: Iterable[Fact]) -> None:
        at = time.time()
        for fact in facts:
            if isinstance(fact, ClockBreached):
                self.seen[fact.directive.id, fact.clock.duty] = at
        if len(self.seen) >= self._wanted:
            self.done.set()


@dataclass(slots=True)
class Figures:
    """What one database made of it; times in seconds."""

    database: str
    open_clocks: int
    spread: dict[str, float] = field(default_factory=dict)
    burst: dict[str, float] = field(default_factory=dict)
    page_of_100: float = 0.0
    gauges: float = 0.0


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.clocks", description=__doc__)
    parser.add_argument("--open", type=int, default=OPEN, help="clocks that are open all the time")
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    wanted = parser.parse_args(argv)
    found = [_measure(name, wanted.open) for name in wanted.databases]
    target = Path("build/bench/clocks.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    figures = [{name: getattr(each, name) for name in Figures.__slots__} for each in found]
    target.write_text(json.dumps({"benchmark": "clocks", "figures": figures}, indent=2) + "\n")
    print(target.read_text())


def _measure(name: str, number: int) -> Figures:
    if name == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(_run(f"sqlite:///{folder}/notifier.sqlite3", number))
    with running_postgres() as server, fresh_database(server) as url:
        return asyncio.run(_run(url, number))


async def _run(url: str, number: int) -> Figures:
    await migrate(url, PACKAGE)
    async with opened(Database(url)) as database:
        await database.write(lambda connection: _fill(connection, list(_background(number))))
        await database.write(lambda connection: connection.execute(text("ANALYZE")))
        rows = list(_due())
        await database.write(lambda connection: _fill(connection, rows))
        watch = Watch(len(rows))
        async with _running(database, watch):
            await asyncio.wait_for(watch.done.wait(), PATIENCE)
        figures = Figures(database.dialect, number)
        for duty, name in (("ack", "spread"), ("restrict", "burst")):
            delays = [watch.seen[row.id, row.duty] - row.due_at.timestamp() for row in rows if row.duty == duty]
            setattr(figures, name, _quantiles(delays))
        figures.page_of_100 = await _timed(database, lambda link: clocks_page(link, Wanted(), after=None, limit=100))
        figures.gauges = await _timed(database, lambda link: tally(link, _now()))
        return figures


@asynccontextmanager
async def _running(database: Database, watch: Watch) -> AsyncIterator[None]:
    caught_up, stop = asyncio.Event(), asyncio.Event()
    caught_up.set()
    commands = Commands(database=database, registry=load_registry(), topics=Topics(), clock=_now, metrics=watch)
    task = asyncio.create_task(Deadlines(commands=commands, clock=_now, caught_up=caught_up).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


def _background(number: int) -> Iterator[Row]:
    """Far from any moment at which somebody has to look at them."""
    far = _now() + timedelta(days=30)
    return (Row(each, "restrict", far + timedelta(seconds=each)) for each in range(number))


def _due() -> Iterator[Row]:
    first = _now() + timedelta(seconds=LEAD)
    for each in range(SPREAD):
        yield Row(10_000_000 + each, "ack", first + timedelta(seconds=SPREAD_SECONDS * each / SPREAD))
    for each in range(BURST):
        yield Row(20_000_000 + each, "restrict", first + timedelta(seconds=SPREAD_SECONDS / 2))


async def _fill(connection: AsyncConnection, rows: Sequence[Row]) -> None:
    """Clocks of which 80 % has been warned of: the next thing is the breach."""
    at = _now() - timedelta(hours=1)
    counts = {"total": ITEMS, "complied": ITEMS, "released": {}}
    counts |= dict.fromkeys(("undecided", "refused", "not_located", "withdrawn"), 0)
    case = {"revision": 1, "jurisdictions": ["IN"], "legal_basis": "in-it-act-69a", "status": "in_force", "counts": counts}
    case |= {"issued_at": at, "received_at": at, "due_at": None}
    clock = {"starts_at": at, "verified": True, "warned": 80}
    item = {"decision": "complied", "jurisdictions": ["IN"], "unilateral": False, "revision": 1, "changed_at": at}
    await _insert(connection, directives, ({**case, "id": row.id} for row in rows))
    await _insert(connection, directive_scopes, ({"directive": row.id, "jurisdiction": "IN"} for row in rows))
    await _insert(
        connection,
        clocks,
        ({**clock, "directive": row.id, "duty": row.duty, "due_at": row.due_at, "next_at": row.due_at} for row in rows),
    )
    await _insert(
        connection,
        case_items,
        (
            {**item, "directive": row.id, "target": f"account:a{row.number}_{each}"}
            for row in rows
            if row.duty == "restrict"
            for each in range(ITEMS)
        ),
    )


async def _insert(connection: AsyncConnection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    waiting = list(rows)
    for start in range(0, len(waiting), 5_000):
        await connection.execute(insert(table), waiting[start : start + 5_000])


async def _timed(database: Database, work: Callable[[AsyncConnection], Awaitable[Any]]) -> float:
    started = time.perf_counter()
    await database.read(work)
    return round(time.perf_counter() - started, 4)


def _quantiles(delays: Sequence[float]) -> dict[str, float]:
    ordered = sorted(delays)
    at = {"p50": len(ordered) // 2, "p99": int(len(ordered) * 0.99), "max": len(ordered) - 1}
    return {"clocks": len(ordered), **{name: round(ordered[index], 4) for name, index in at.items()}}


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
