"""Directives as their events tell them: items, notices, replies."""

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table, Text, false

from services.notifier.tables.base import metadata
from shared.db import Instant
from shared.sql import Json

directives = Table(
    "directives",
    metadata,
    Column("id", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("jurisdictions", Json, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("counts", Json, nullable=False),
    Column("changed_at", Instant),
    Column("authority", Text),
    Column("reference", Text),
    Column("kind", Text),
    Column("channel", Text, nullable=False, server_default="official"),
    Column("sealed", Boolean, nullable=False, server_default=false()),
    Column("missing", Json),
    Column("lapses_at", Instant),
    Index(None, "received_at"),
    comment="Each directive as its highest revision tells it.",
)

directive_history = Table(
    "directive_history",
    metadata,
    Column("directive", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("status", Text, nullable=False),
    Column("due_at", Instant),
    Column("counts", Json, nullable=False),
    Column("changed_at", Instant, nullable=False),
    comment="The revisions below: what a directive was until the next one, and since when. What never changes is not here.",
)

directive_scopes = Table(
    "directive_scopes",
    metadata,
    Column("directive", Text, primary_key=True),
    Column("jurisdiction", String(8), primary_key=True),
    Index(None, "jurisdiction"),
    comment="Where a directive asks for something: its jurisdictions without those that lie in another of them.",
)

case_items = Table(
    "case_items",
    metadata,
    Column("directive", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("decision", Text, nullable=False),
    Column("jurisdictions", Json, nullable=False),
    Column("cause", Text),
    Column("unilateral", Boolean, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("ground", Text),
    Column("suspended", Boolean, nullable=False, server_default=false()),
    Index(None, "target"),
    comment="Each item as the highest revision that named it tells it, so that late chunks are safe.",
)

Index(
    "ix_case_items_unilateral",
    case_items.c.directive,
    sqlite_where=case_items.c.unilateral,
    postgresql_where=case_items.c.unilateral,
)

case_item_history = Table(
    "case_item_history",
    metadata,
    Column("directive", Text, primary_key=True),
    Column("target", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("decision", Text, nullable=False),
    Column("jurisdictions", Json, nullable=False),
    Column("cause", Text),
    Column("unilateral", Boolean, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("ground", Text),
    Column("suspended", Boolean, nullable=False),
    comment="What items were before: a row moves here when a higher revision tells of its item, or comes late.",
)

notices = Table(
    "notices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("directive", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("provision", Text),
    Column("received_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("supplied", Json),
    Column("recorded_at", Instant),
)

replies = Table(
    "replies",
    metadata,
    Column("id", Text, primary_key=True),
    Column("directive", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("sent_at", Instant, nullable=False),
    Column("cause", Text),
    Column("impediment_ended_at", Instant),
    Column("recorded_at", Instant),
)
