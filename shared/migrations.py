"""Brings a database to the schema that the code needs, and tells whether it is there."""

from functools import cache, partial
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from shared.engines import DEFAULT_LIMITS, driver_url, sqlite_file
from shared.postgres import connect

TURN = 0x67776D67
"""Means migrations among the advisory locks of a database."""


async def migrate(url: str, package: str) -> None:
    """Upgrades the database to the newest version in `<package>/migrations`. Does nothing if it is there already."""
    file = sqlite_file(url)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade, package)
    finally:
        await engine.dispose()


async def is_current(connection: AsyncConnection, package: str) -> bool:
    """Whether the database has all that this code needs: its newest version, or a later one that it does not know.

    Migrations only add while an older release runs, so that the release before stays ready during an upgrade.
    """
    return await connection.run_sync(_is_current, package)


def upgrade(connection: Connection, package: str, revision: str = "head") -> None:
    """Brings the database to this revision, in the caller's transaction."""
    if connection.dialect.name == "postgresql":
        _take_turns(connection)
    config = _config(package)
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def knows(package: str, revision: str) -> bool:
    """Whether `<package>/migrations` has such a revision."""
    return revision in _revisions(package)[0]


def run_in(config: Config, metadata: MetaData) -> None:
    """What every `env.py` does: runs the migrations on the connection that `migrate` opened."""
    from alembic import context  # noqa: PLC0415 (exists only while Alembic runs an environment)

    context.configure(connection=config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


def _config(package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files(package) / "migrations"))
    return config


def _engine(url: str) -> AsyncEngine:
    """A migration may take its time, but not keep others waiting for a lock behind it."""
    if sqlite_file(url) is not None:
        return create_async_engine(driver_url(url))
    return create_async_engine(driver_url(url), async_creator=partial(connect, url, DEFAULT_LIMITS), poolclass=NullPool)


def _take_turns(connection: Connection) -> None:
    """Of several that migrate at once, one does, and the others find it done."""
    patience = connection.scalar(text("SELECT current_setting('lock_timeout')"))
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": TURN})
    connection.execute(text("SELECT set_config('lock_timeout', :patience, true)"), {"patience": patience})


def _is_current(connection: Connection, package: str) -> bool:
    known, heads = _revisions(package)
    at = frozenset(MigrationContext.configure(connection).get_current_heads())
    return bool(at) and (at == heads or not at <= known)


@cache
def _revisions(package: str) -> tuple[frozenset[str], frozenset[str]]:
    """All that this code knows, and the newest of them. Read from files once: probes ask every few seconds."""
    scripts = ScriptDirectory.from_config(_config(package))
    return frozenset(script.revision for script in scripts.walk_revisions()), frozenset(scripts.get_heads())
