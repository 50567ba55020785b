"""The tables. Constraints make the wrong row impossible; what each table promises is said beside it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    and_,
    false,
    literal_column,
)

from services.notifier.domain.clocks import ALARMED
from shared.db import Instant
from shared.outbox.table import outbox_table
from shared.sql import SERIAL, Json, named_metadata

metadata = named_metadata()

offsets = Table(
    "offsets",
    metadata,
    Column("topic", String(100), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
    comment="How far each partition has taken effect: every record below `next_offset`, none from it on.",
)

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
    comment="Records that could not be understood, or that contradict others, byte for byte.",
    sqlite_autoincrement=True,
)

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

outbox = outbox_table(metadata)

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
