"""What is told to others: the outbox, its lanes, subscriptions and deliveries."""

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, LargeBinary, String, Table, Text, false

from services.notifier.tables.base import metadata
from shared.db import Instant
from shared.outbox.table import lanes_table, members_table, outbox_table
from shared.sql import SERIAL, Json
from shared.system import system_table

outbox = outbox_table(metadata)
relay_lanes = lanes_table(metadata)
relay_members = members_table(metadata)
system = system_table(metadata)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("requested", Json, nullable=False),
    Column("jurisdictions", Json, nullable=False),
    Column("events", Json, nullable=False),
    Column("channel", String(8), nullable=False),
    Column("address", Text, nullable=False),
    Column("secret", Text),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("sealed", Boolean, nullable=False, server_default=false()),
    CheckConstraint("(channel = 'webhook') = (secret IS NOT NULL)", name="secret_iff_webhook"),
    comment="Who wants to be told. `address` is a URL or a mailbox; `jurisdictions` are those `requested`, groups expanded.",
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("subscription", Text, nullable=False),
    Column("event", String(40), nullable=False),
    Column("type", String(100), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("message", String(40), index=True),
    Column("created_at", Instant, nullable=False),
    Column("next_at", Instant),
    Column("sent_at", Instant),
    Column("error", Text),
    CheckConstraint("(state IN ('waiting', 'failed')) = (next_at IS NOT NULL)", name="next_at_iff_unfinished"),
    Index(None, "subscription", "seq"),
    comment="One finding for one subscriber. All rows of one `message` are sent, and change, together.",
    sqlite_autoincrement=True,
)
unfinished = deliveries.c.next_at.is_not(None)
"""Deliveries that are still to be tried."""

Index("ix_deliveries_due", deliveries.c.subscription, deliveries.c.next_at, sqlite_where=unfinished, postgresql_where=unfinished)
