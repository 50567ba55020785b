"""The tables. Constraints make the wrong row impossible; what each table promises is said beside it."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from shared.db import Instant
from shared.outbox.table import lanes_table, members_table, outbox_table
from shared.sql import SERIAL, named_metadata
from shared.system import system_table

metadata = named_metadata()

_Json = JSON(none_as_null=True)

directives = Table(
    "directives",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("authority", String(64), nullable=False),
    Column("reference", String(200), nullable=False),
    Column("legal_basis", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("status", String(24), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("requested_jurisdictions", _Json, nullable=False),
    Column("scope", _Json, nullable=False),
    Column("reason", Text),
    Column("due_at", Instant),
    Column("expires_at", Instant),
    Column("confirmed_at", Instant),
    Column("lapses_at", Instant),
    Column("supplements", String(40), ForeignKey("directives.id")),
    Column("supersedes", String(40), ForeignKey("directives.id")),
    Column("channel", String(16), nullable=False, server_default="official"),
    Column("sealed", Boolean, nullable=False, server_default=false()),
    Column("elements", _Json),
    Column("missing", _Json),
    Column("unexamined", _Json),
    Column("comply_at_intake", Boolean, nullable=False, server_default=false()),
    Column("document", _Json),
    Column("label", String(16), nullable=False),
    Column("user_notice", String(16), nullable=False, server_default="delayed"),
    Column("interim", Boolean, nullable=False),
    Column("duplicates", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("tally", _Json, nullable=False),
    UniqueConstraint("authority", "reference"),
    Index("ix_directives_open_expires_at", "expires_at"),
    Index(None, "lapses_at"),
    Index(None, "supersedes"),
    sqlite_autoincrement=True,
)

directive_scopes = Table(
    "directive_scopes",
    metadata,
    Column("jurisdiction", String(8), primary_key=True),
    Column("directive", String(40), ForeignKey("directives.id"), primary_key=True),
    comment="Where a directive asks for something, to list directives by jurisdiction.",
)


def _item_columns() -> tuple[Column[Any], ...]:
    """What of an item changes, and so is kept of each of its versions."""
    return (
        Column("state", String(16), nullable=False),
        Column("cause", String(24)),
        Column("ground", String(32)),
        Column("claims", _Json, nullable=False),
        Column("stayed", Boolean, nullable=False, server_default=false()),
        Column("confirmed", Boolean, nullable=False, server_default=false()),
        Column("changed_at", Instant, nullable=False),
        Column("batch", String(40)),
    )


items = Table(
    "items",
    metadata,
    Column("directive", String(40), ForeignKey("directives.id"), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("position", Integer, nullable=False),
    Column("received", _Json, nullable=False),
    *_item_columns(),
    CheckConstraint("(state IN ('released', 'ended')) = (cause IS NOT NULL)", name="cause_iff_released"),
    Index(None, "directive", "state"),
    Index(None, "target"),
    comment="`claims` maps jurisdiction to live, suspended or the cause it ended for; withholdings.claimants is its inverse.",
)

item_history = Table(
    "item_history",
    metadata,
    Column("directive", String(40), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    *_item_columns(),
    comment="Every version of an item but the latest: a row moves here when the next one is made.",
)

batches = Table(
    "batches",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("at", Instant, nullable=False, index=True),
    Column("memo", Text),
    Column("approvers", _Json, nullable=False),
    Column("undoes", String(40), ForeignKey("batches.id"), index=True),
    Column("directives", _Json, nullable=False),
    Column("sealed", Boolean, nullable=False, server_default=false()),
    Column("items", Integer, nullable=False),
    Column("blocked", Integer, nullable=False),
    Column("released", Integer, nullable=False),
    Column("withholdings_changed", Integer, nullable=False),
    sqlite_autoincrement=True,
    comment="What each write did, as one thing: the rows of items and item_history that name it.",
)

_withholding_columns = (
    ("version", BigInteger, False),
    ("state", String(16), False),
    ("cause", String(24), True),
    ("directives", _Json, False),
    ("effective_at", Instant, False),
    ("due_at", Instant, True),
    ("label", String(16), False),
)

withholdings = Table(
    "withholdings",
    metadata,
    Column("target", Text, primary_key=True),
    Column("jurisdiction", String(8), primary_key=True),
    Column("target_type", String(8), nullable=False),
    *(Column(name, kind, nullable=nullable) for name, kind, nullable in _withholding_columns),
    Column("claimants", _Json, nullable=False),
    CheckConstraint("version >= 1", name="version_starts_at_one"),
    CheckConstraint("(state = 'released') = (cause IS NOT NULL)", name="cause_iff_released"),
    Index(None, "jurisdiction", "state", "target"),
    comment="Each key at its latest version. The row's lock is what versions are assigned under.",
)

withholding_history = Table(
    "withholding_history",
    metadata,
    Column("target", Text, primary_key=True),
    Column("jurisdiction", String(8), primary_key=True),
    *(
        Column(name, kind, nullable=nullable, primary_key=name == "version", autoincrement=False)
        for name, kind, nullable in _withholding_columns
    ),
    comment="Every version but the latest: a row moves here when the next one is made.",
)

case_events = Table(
    "case_events",
    metadata,
    Column("directive", String(40), ForeignKey("directives.id"), primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("type", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("data", _Json, nullable=False),
    Column("detail", _Json),
    comment="A directive's timeline: each case event as published, and in `detail` what is not (memos, approvers).",
)

notices = Table(
    "notices",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("directive", String(40), ForeignKey("directives.id"), nullable=False, index=True),
    Column("kind", String(24), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("provision", String(200)),
    Column("text", Text),
    Column("due_at", Instant),
    Column("elements", _Json),
)

replies = Table(
    "replies",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("directive", String(40), ForeignKey("directives.id"), nullable=False, index=True),
    Column("kind", String(24), nullable=False),
    Column("text", Text),
    Column("sent_at", Instant, nullable=False),
    Column("cause", String(32)),
    Column("impediment_ended_at", Instant),
)

publishing_stops = Table(
    "publishing_stops",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("standing", Boolean, unique=True),
    Column("stopped_at", Instant, nullable=False),
    Column("stopped_by", String(200), nullable=False),
    Column("stop_memo", Text, nullable=False),
    Column("resumed_at", Instant),
    Column("resume_memo", Text),
    Column("approvers", _Json),
    CheckConstraint("(standing IS NULL) = (resumed_at IS NOT NULL)", name="resumed_iff_over"),
    sqlite_autoincrement=True,
    comment="Every time that publishing was stopped. The one that stands has `standing` true, those that are over null.",
)

user_notices = Table(
    "user_notices",
    metadata,
    Column("directive", String(40), ForeignKey("directives.id"), primary_key=True),
    Column("target", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("claims", _Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("channel", String(200)),
    Column("memo", Text),
    Column("recorded_at", Instant, nullable=False),
    CheckConstraint("state IN ('sent', 'waived')", name="was_handled"),
    comment="Tasks to tell a user that were handled: which claims of which version of the item, and how.",
)

appeals = Table(
    "appeals",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("directive", String(40), ForeignKey("directives.id"), nullable=False, index=True),
    Column("target", Text, nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    Column("concluded_at", Instant),
    Column("memo", Text),
    Column("approvers", _Json),
    CheckConstraint("(state = 'received') = (concluded_at IS NULL)", name="concluded_once_decided"),
    sqlite_autoincrement=True,
    comment="Appeals against one directive's claim on one target. The text never leaves this table but to the operator.",
)

replays = Table(
    "replays",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("selector", _Json, nullable=False),
    Column("cursor", _Json, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("keys", BigInteger, nullable=False, server_default="0"),
    Column("events", BigInteger, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
    comment="What is queued to be published again. `cursor` says how far; each step moves it in its own transaction.",
)

outbox = outbox_table(metadata)
relay_lanes = lanes_table(metadata)
relay_members = members_table(metadata)
system = system_table(metadata)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("location", String(200)),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    comment="The answer given to each idempotency key, written in the transaction of what was answered.",
)
