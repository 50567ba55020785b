"""What is withheld where, and what enforcement points have done about it."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, String, Table, Text, and_, literal_column

from services.notifier.tables.base import metadata
from shared.db import Instant
from shared.sql import SERIAL, Json

withholdings = Table(
    "withholdings",
    metadata,
    Column("jurisdiction", String(8), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("target_type", String(8), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("cause", Text),
    Column("directives", Json, nullable=False),
    Column("effective_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("label", Text, nullable=False),
    Column("epoch", BigInteger),
    CheckConstraint("version >= 1", name="version_starts_at_one"),
    Index(None, "jurisdiction", "state", "cause"),
    Index(None, "target"),
    comment="Each key at the highest version seen. Whoever changes or judges a key holds its row's lock.",
)

withholding_history = Table(
    "withholding_history",
    metadata,
    Column("jurisdiction", String(8), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("cause", Text),
    Column("directives", Json, nullable=False),
    Column("effective_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("label", Text, nullable=False),
    Index(None, "jurisdiction", "cause"),
    comment="The versions below: a row moves here when a higher version arrives, or comes late and fills a hole.",
)

version_holes = Table(
    "version_holes",
    metadata,
    Column("jurisdiction", String(8), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", Instant, nullable=False, index=True),
    comment="Keys whose history is not complete, one row each; `last` is null when nobody knows how far the hole goes.",
)

revision_holes = Table(
    "revision_holes",
    metadata,
    Column("directive", Text, primary_key=True),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", Instant, nullable=False, index=True),
    comment="Directives of which events are missing, like `version_holes`.",
)

enforcement_points = Table(
    "enforcement_points",
    metadata,
    Column("id", Text, primary_key=True),
    Column("requested", Json, nullable=False),
    Column("jurisdictions", Json, nullable=False),
    Column("target_types", Json, nullable=False),
    Column("ack_within_seconds", Integer, nullable=False),
    Column("registered_at", Instant, nullable=False),
    Column("scoped_at", Instant),
    comment="Who has to apply what. `jurisdictions` are those `requested`, groups expanded.",
)

enforcements = Table(
    "enforcements",
    metadata,
    Column("jurisdiction", String(8), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("point", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("since", Instant, nullable=False),
    Column("asked_at", Instant),
    Column("due_at", Instant),
    Column("applied_at", Instant),
    Column("reported_at", Instant),
    Column("detail", Text),
    comment="One version at one point. `current`: of the key's present version, at a point that is registered for it.",
)
Index(
    "ix_enforcements_current",
    enforcements.c.jurisdiction,
    enforcements.c.state,
    enforcements.c.point,
    sqlite_where=enforcements.c.current,
    postgresql_where=enforcements.c.current,
)
waiting = and_(enforcements.c.current, enforcements.c.state == literal_column("'pending'"))
"""Enforcements that time may still run out for. Literal, so that either database sees that the index below has them all."""

Index("ix_enforcements_due", enforcements.c.due_at, sqlite_where=waiting, postgresql_where=waiting)

dropped_enforcements = Table(
    "dropped_enforcements",
    metadata,
    Column("jurisdiction", String(8), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("point", Text, primary_key=True),
    Column("dropped_at", Instant, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("asked_at", Instant),
    Column("due_at", Instant),
    Column("applied_at", Instant),
    comment="What points had to apply until their scope left it out.",
)

enforcement_turns = Table(
    "enforcement_turns",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("jurisdiction", String(8), nullable=False),
    Column("target", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("point", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("dropped_at", Instant),
    Index(None, "jurisdiction", "target", "version"),
    comment="Moves of enforcements other than a first application, in the order in which they were told.",
    sqlite_autoincrement=True,
)
