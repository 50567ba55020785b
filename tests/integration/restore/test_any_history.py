"""Whatever happened before and after a backup: what was published is there again, as if nothing had been lost."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.app import PACKAGE
from services.blocklist.domain.batch import BatchId, OpenBatch
from services.blocklist.handlers.unit import Unit
from services.blocklist.outbox import OUTBOX
from services.blocklist.restore import Restoration
from services.blocklist.tables import metadata, outbox
from shared.backup import Manifest
from shared.db import Database
from shared.migrations import migrate
from shared.topic_reader import Found
from tests.integration.blocklist.test_store_against_oracle import Store, UndoMachine
from tests.integration.restore.place import COMPARED, LOST
from tests.support.blocklist import TOPICS, Rows, all_rows, delete_all
from tests.support.builders import NOON

MANIFEST = Manifest(service="blocklist", revision="", epoch=1, taken_at=datetime(2026, 3, 1, tzinfo=UTC), dialect="", tables=())

NOT_TOLD = {**LOST, "directives": LOST["directives"] | {"interim", "comply_at_intake", "label", "user_notice"}}
"""The orders of these histories are not those of the law that they cite."""


class Recovering(Store):
    """At the end of each history, every fifth of its moments is one at which a backup was made, and all since was lost."""

    def __init__(self, run: Any, database: Database, other: Database) -> None:
        super().__init__(run, database)
        self.other = other
        self.moments: list[Rows] = []

    def check(self, flips: Any) -> None:
        super().check(flips)
        self.moments.append(self.rows())

    def close(self) -> None:
        try:
            self._recover_each(self.moments[::5])
        finally:
            self.moments.clear()
            super().close()

    def _recover_each(self, moments: list[Rows]) -> None:
        lost = self.rows()
        published = self.run(self.database.read(everything_published))
        for moment in moments:
            self.run(self.other.write(delete_all))
            self.run(self.other.write(partial(recover, backup=moment, published=published)))
            found: Rows = self.run(self.other.read(all_rows))
            assert differences(told(lost), told(found)) == []


Told = dict[str, list[dict[str, Any]]]


def told(rows: Rows) -> Told:
    """Directives by their ids: in these histories all happens at one instant, so that nobody can tell which came first."""
    ordered = {**rows, "directives": sorted(rows["directives"], key=lambda row: str(row["id"]))}
    return {
        table: [{name: value for name, value in row.items() if name not in NOT_TOLD.get(table, ())} for row in ordered[table]]
        for table in COMPARED
    }


def differences(lost: Told, found: Told) -> list[tuple[str, Any, Any]]:
    """Table, and what of a row is not the same."""
    different: list[tuple[str, Any, Any]] = []
    for table in COMPARED:
        different += [(table, None, len(found[table]))] * (len(lost[table]) != len(found[table]))
        for one, other in zip(lost[table], found[table], strict=False):
            names = [name for name in one if one[name] != other[name]]
            different += [(table, {name: one[name] for name in names}, {name: other[name] for name in names})] * bool(names)
    return different


async def everything_published(connection: AsyncConnection) -> list[Found]:
    """All that ever was queued, as it stands on the topics."""
    found: list[Found] = []
    ends: dict[tuple[str, int], int] = defaultdict(int)
    for row in (await connection.execute(outbox.select().order_by(outbox.c.id))).mappings():
        for record in OUTBOX.records(row["kind"], row["body"]):
            place = (row["topic"], row["partition"])
            found.append(Found(*place, ends[place], record))
            ends[place] += 1
    return found


async def recover(connection: AsyncConnection, backup: Rows, published: list[Found]) -> None:
    await connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
    for table in metadata.sorted_tables:
        if backup[table.name]:
            await connection.execute(insert(table), list(backup[table.name]))
    restoration = Restoration(Unit(connection, TOPICS, NOON, OpenBatch(id=BatchId("bat_restore"))), MANIFEST)
    await restoration.take(published)
    await restoration.roll_forward()
    assert restoration.report.lists == {}


@pytest.mark.fault(46)
@pytest.mark.parametrize(
    ("database", "examples"), [("sqlite_database", 4), pytest.param("postgres_database", 2, marks=pytest.mark.postgres)]
)
def test_a_backup_of_any_moment_goes_forward_to_what_was_lost(
    database: str, examples: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url, other = request.getfixturevalue(database), f"sqlite:///{tmp_path / 'other.sqlite3'}"
    with asyncio.Runner() as runner:

        def run(work: Awaitable[Any]) -> Any:
            async def inside() -> Any:
                return await work

            return runner.run(inside())

        run(migrate(url, PACKAGE))
        run(migrate(other, PACKAGE))
        store = Recovering(run, Database(url), Database(other))

        class Machine(UndoMachine):
            def __init__(self) -> None:
                super().__init__(store)

        try:
            run_state_machine_as_test(
                Machine, settings=settings(max_examples=examples, stateful_step_count=15, deadline=None, phases=[Phase.generate])
            )
        finally:
            run(store.database.close())
            run(store.other.close())
