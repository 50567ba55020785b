"""Migrations expand and contract, so that the release before runs on beside this one."""

import tomllib
from collections.abc import Callable
from types import ModuleType

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db import driver_url
from shared.migrations import _config
from tests.support.schema import Shape, breaks, shapes
from tools.supervisor import ROOT

BEFORE = {"services.blocklist": "0008", "services.notifier": "0011"}
"""The schema of the last release whose migrations were not held to this."""

DECLARED = "safe_after"
"""A migration that takes something away says so by `safe_after = "0.3.0"`: the first release that does without it. It may then
stand in any release after that one, beside which no older one runs."""

VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

OLD = (
    "CREATE TABLE parents (id INTEGER NOT NULL PRIMARY KEY)",
    "CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(10), size INTEGER NOT NULL)",
)
HARMLESS = (
    "ALTER TABLE things ADD COLUMN colour VARCHAR(10)",
    "ALTER TABLE things ADD COLUMN weight INTEGER DEFAULT 0 NOT NULL",
    "ALTER TABLE things ADD COLUMN parent INTEGER REFERENCES parents (id)",
    "CREATE TABLE others (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(10) NOT NULL)",
    "CREATE INDEX ix_things_name ON things (name)",
)
HARMFUL = {
    "ALTER TABLE things DROP COLUMN name": "column things.name is gone",
    "ALTER TABLE things RENAME COLUMN name TO title": "column things.name is gone",
    "DROP TABLE things": "table things is gone",
    "ALTER TABLE things RENAME TO items": "table things is gone",
    "CREATE UNIQUE INDEX ux_things_name ON things (name)": "table things has a new rule: unique ['name']",
}
HARMFUL_ON_POSTGRES = {
    "ALTER TABLE things ALTER COLUMN name TYPE VARCHAR(5)": "column things.name was VARCHAR(10) and is VARCHAR(5)",
    "ALTER TABLE things ALTER COLUMN name SET NOT NULL": "column things.name may not be null any more",
    "ALTER TABLE things ADD COLUMN colour VARCHAR(10) NOT NULL": "column things.colour is new and needs a value",
    "ALTER TABLE things ADD CONSTRAINT small CHECK (size < 9)": "table things has a new rule: check of ['size']: small",
    "ALTER TABLE things ADD CONSTRAINT f FOREIGN KEY (size) REFERENCES parents": (
        "table things has a new rule: reference ['size'] to parents"
    ),
}


async def on(url: str, work: Callable[[Connection], list[str]]) -> list[str]:
    engine = create_async_engine(driver_url(url))
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def undeclared(package: str) -> Callable[[Connection], list[str]]:
    """What each migration since `BEFORE` takes away without saying so."""

    def check(connection: Connection) -> list[str]:
        config = _config(package)
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE[package])
        found: list[str] = []
        before = shapes(connection)
        for script in reversed(list(ScriptDirectory.from_config(config).walk_revisions(BEFORE[package], "heads"))):
            command.upgrade(config, script.revision)
            after = shapes(connection)
            found += judged(script.module, breaks(before, after))
            before = after
        return found

    return check


def judged(migration: ModuleType, taken: list[str]) -> list[str]:
    """What is wrong with a migration that takes this away."""
    declared = getattr(migration, DECLARED, None)
    if not taken:
        return [f"{migration.__name__} declares {DECLARED} and takes nothing away"] if declared else []
    if declared is None:
        return [f"{migration.__name__}: {what}" for what in taken]
    if as_numbers(declared) >= as_numbers(VERSION):
        return [f"{migration.__name__} is safe after {declared} alone, and this is {VERSION}"]
    return []


def as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@pytest.mark.fault(48)
@pytest.mark.parametrize("package", BEFORE)
async def test_no_migration_takes_away_what_the_release_before_needs(package: str, database_url: str) -> None:
    assert await on(database_url, undeclared(package)) == []


def migration(**values: str) -> ModuleType:
    made = ModuleType("made")
    vars(made).update(values)
    return made


@pytest.mark.parametrize(
    ("declared", "taken", "wrong"),
    [
        (None, [], []),
        (None, ["table a is gone"], ["made: table a is gone"]),
        ("0.0.9", ["table a is gone"], []),
        (VERSION, ["table a is gone"], [f"made is safe after {VERSION} alone, and this is {VERSION}"]),
        ("0.0.9", [], ["made declares safe_after and takes nothing away"]),
    ],
)
def test_a_step_that_takes_away_is_declared_with_the_release_that_does_without(
    declared: str | None, taken: list[str], wrong: list[str]
) -> None:
    assert judged(migration(**({DECLARED: declared} if declared else {})), taken) == wrong


def changed_by(statements: tuple[str, ...]) -> Callable[[Connection], list[str]]:
    def work(connection: Connection) -> list[str]:
        for statement in OLD:
            connection.execute(text(statement))
        before: dict[str, Shape] = shapes(connection)
        for statement in statements:
            connection.execute(text(statement))
        return breaks(before, shapes(connection))

    return work


async def test_what_only_adds_breaks_nothing(database_url: str) -> None:
    assert await on(database_url, changed_by(HARMLESS)) == []


@pytest.mark.parametrize(("statement", "broken"), HARMFUL.items())
async def test_what_takes_away_is_seen(statement: str, broken: str, database_url: str) -> None:
    assert await on(database_url, changed_by((statement,))) == [broken]


@pytest.mark.parametrize(("statement", "broken"), HARMFUL_ON_POSTGRES.items())
async def test_what_tightens_is_seen(statement: str, broken: str, postgres_database: str) -> None:
    assert await on(postgres_database, changed_by((statement,))) == [broken]
