"""Clocks: what happened to each, how it stands, and what it was."""

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, Table, Text, and_, false, literal_column

from services.notifier.domain.clocks import ALARMED
from services.notifier.tables.base import metadata
from shared.db import Instant

clock_facts = Table(
    "clock_facts",
    metadata,
    Column("directive", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("what", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("kind", Text),
    Column("due_at", Instant),
    Column("provision", Text),
    comment="What clocks follow from: each thing that happened to a directive, once, however often it is told.",
)

clocks = Table(
    "clocks",
    metadata,
    Column("directive", Text, primary_key=True),
    Column("duty", Text, primary_key=True),
    Column("starts_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("verified", Boolean, nullable=False),
    Column("met_at", Instant),
    Column("breached_at", Instant),
    Column("state", Text, nullable=False, server_default="running"),
    Column("trigger", Text, nullable=False, server_default="receipt"),
    Column("pausable", Boolean, nullable=False, server_default=false()),
    Column("source", Text),
    Column("paused_at", Instant),
    Column("paused_seconds", Double, nullable=False, server_default="0"),
    Column("warned", Integer, nullable=False, server_default="0"),
    Column("next_at", Instant),
    Column("changed_at", Instant),
    comment="`breached_at` is set once, and only for a verified duty. `next_at` is when somebody has to look at it.",
)
clock_history = Table(
    "clock_history",
    metadata,
    Column("directive", Text, primary_key=True),
    Column("duty", Text, primary_key=True),
    Column("changed_at", Instant, primary_key=True),
    *(
        Column(column.name, column.type, nullable=column.nullable)
        for column in clocks.c
        if column.name not in {"directive", "duty", "changed_at", "next_at"}
    ),
    comment="How clocks were recorded before, from `changed_at` on until the next one.",
)

queued = clocks.c.next_at.is_not(None)
"""Clocks that somebody will have to look at: the others cost nothing, however many there are."""

Index("ix_clocks_next", clocks.c.next_at, sqlite_where=queued, postgresql_where=queued)

open_clock = clocks.c.state.in_([literal_column(f"'{state}'") for state in ("running", "paused", "breached")])
"""Clocks of what is unmet. Literal, so that either database sees that the index below has them all."""

Index("ix_clocks_open", clocks.c.due_at, clocks.c.directive, clocks.c.duty, sqlite_where=open_clock, postgresql_where=open_clock)

alarmed = and_(clocks.c.verified, clocks.c.state == literal_column("'running'"), clocks.c.duty.in_(ALARMED))
"""Clocks that may still be breached."""
