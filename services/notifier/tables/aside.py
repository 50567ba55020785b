"""What was set aside, whose state nobody knows because of it, and what operators did about it.

A record that `holds` does so from `at` to `freed_at`: in that time nobody knows how the key or directive that it is about stands.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, and_, false

from services.notifier.domain.quarantine import RecordState
from services.notifier.tables.base import metadata
from shared.db import Instant
from shared.sql import SERIAL, Json

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("topic", String(100), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary),
    Column("at", Instant, nullable=False),
    Column("headers", Json),
    Column("sha256", String(64)),
    Column("state", String(8), nullable=False, server_default=RecordState.OPEN.value),
    Column("closed_at", Instant),
    Column("jurisdiction", String(8)),
    Column("target", Text),
    Column("directive", Text),
    Column("holds", Boolean, nullable=False, server_default=false()),
    Column("freed_at", Instant),
    Column("freed_by", String(16)),
    Index(None, "topic", "partition", "offset"),
    comment="Records that could not be understood, or that contradict others, byte for byte.",
    sqlite_autoincrement=True,
)
holding = and_(quarantine.c.holds, quarantine.c.freed_at.is_(None))
"""Records whose key or directive is held now: few, however many there are."""

Index(
    "ix_quarantine_held",
    quarantine.c.jurisdiction,
    quarantine.c.target,
    quarantine.c.directive,
    sqlite_where=holding,
    postgresql_where=holding,
)

quarantine_actions = Table(
    "quarantine_actions",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("record", SERIAL, ForeignKey("quarantine.id"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("verb", String(8), nullable=False),
    Column("actors", Json, nullable=False),
    Column("memo", Text),
    Column("outcome", String(16), nullable=False),
    Column("detail", Text),
    comment="Every try of an operator to be done with a record, those in vain included. `actors` are unverified names.",
    sqlite_autoincrement=True,
)
