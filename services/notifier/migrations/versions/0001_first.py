"""The first schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from shared.db import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    _create_offsets()
    _create_quarantine()
    _create_withholdings()
    _create_withholding_history()
    _create_version_holes()
    _create_revision_holes()
    _create_enforcement_points()
    _create_enforcements()
    _create_directives()
    _create_directive_scopes()
    _create_case_items()
    _create_notices()
    _create_replies()
    _create_clocks()


def downgrade() -> None:
    for table in (
        "clocks",
        "replies",
        "notices",
        "case_items",
        "directive_scopes",
        "directives",
        "enforcements",
        "enforcement_points",
        "revision_holes",
        "version_holes",
        "withholding_history",
        "withholdings",
        "quarantine",
        "offsets",
    ):
        op.drop_table(table)


def _create_offsets() -> None:
    op.create_table(
        "offsets",
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_offsets")),
        comment="How far each partition has taken effect: every record below `next_offset`, none from it on.",
    )


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
        comment="Records that could not be understood, or that contradict others, byte for byte.",
        sqlite_autoincrement=True,
    )


def _create_withholdings() -> None:
    op.create_table(
        "withholdings",
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("target_type", sa.String(length=8), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("directives", _JSON, nullable=False),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_withholdings_version_starts_at_one")),
        sa.PrimaryKeyConstraint("jurisdiction", "target", name=op.f("pk_withholdings")),
        comment="Each key at the highest version seen. Whoever changes or judges a key holds its row's lock.",
    )
    op.create_index(op.f("ix_withholdings_jurisdiction_state_cause"), "withholdings", ["jurisdiction", "state", "cause"])


def _create_withholding_history() -> None:
    op.create_table(
        "withholding_history",
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("directives", _JSON, nullable=False),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("jurisdiction", "target", "version", name=op.f("pk_withholding_history")),
        comment="The versions below: a row moves here when a higher version arrives, or comes late and fills a hole.",
    )
    op.create_index(op.f("ix_withholding_history_jurisdiction_cause"), "withholding_history", ["jurisdiction", "cause"])


def _create_version_holes() -> None:
    op.create_table(
        "version_holes",
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("jurisdiction", "target", name=op.f("pk_version_holes")),
        comment="Keys whose history is not complete, one row each; `last` is null when nobody knows how far the hole goes.",
    )
    op.create_index(op.f("ix_version_holes_next_try_at"), "version_holes", ["next_try_at"])


def _create_revision_holes() -> None:
    op.create_table(
        "revision_holes",
        sa.Column("directive", sa.Text(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("directive", name=op.f("pk_revision_holes")),
        comment="Directives of which events are missing, like `version_holes`.",
    )
    op.create_index(op.f("ix_revision_holes_next_try_at"), "revision_holes", ["next_try_at"])


def _create_enforcement_points() -> None:
    op.create_table(
        "enforcement_points",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("requested", _JSON, nullable=False),
        sa.Column("jurisdictions", _JSON, nullable=False),
        sa.Column("target_types", _JSON, nullable=False),
        sa.Column("ack_within_seconds", sa.Integer(), nullable=False),
        sa.Column("registered_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enforcement_points")),
        comment="Who has to apply what. `jurisdictions` are those `requested`, groups expanded.",
    )


def _create_enforcements() -> None:
    op.create_table(
        "enforcements",
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("applied_at", Instant(), nullable=True),
        sa.Column("reported_at", Instant(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("jurisdiction", "target", "version", "point", name=op.f("pk_enforcements")),
        comment="One version at one point. `current`: of the key's present version, at a point that is registered for it.",
    )
    op.create_index(
        "ix_enforcements_current",
        "enforcements",
        ["jurisdiction", "state", "point"],
        sqlite_where=sa.text("current = 1"),
        postgresql_where=sa.text("current"),
    )
    op.create_index(
        "ix_enforcements_due",
        "enforcements",
        ["due_at"],
        sqlite_where=sa.text("current = 1 AND state = 'pending'"),
        postgresql_where=sa.text("current AND state = 'pending'"),
    )


def _create_directives() -> None:
    op.create_table(
        "directives",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("jurisdictions", _JSON, nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("counts", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directives")),
        comment="Each directive as its highest revision tells it.",
    )


def _create_directive_scopes() -> None:
    op.create_table(
        "directive_scopes",
        sa.Column("directive", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.PrimaryKeyConstraint("directive", "jurisdiction", name=op.f("pk_directive_scopes")),
        comment="Where a directive asks for something: its jurisdictions without those that lie in another of them.",
    )
    op.create_index(op.f("ix_directive_scopes_jurisdiction"), "directive_scopes", ["jurisdiction"])


def _create_case_items() -> None:
    op.create_table(
        "case_items",
        sa.Column("directive", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("jurisdictions", _JSON, nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("unilateral", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("directive", "target", name=op.f("pk_case_items")),
        comment="Each item as the highest revision that named it tells it, so that late chunks are safe.",
    )


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("directive", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("provision", sa.Text(), nullable=True),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(op.f("ix_notices_directive"), "notices", ["directive"])


def _create_replies() -> None:
    op.create_table(
        "replies",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("directive", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replies")),
    )
    op.create_index(op.f("ix_replies_directive"), "replies", ["directive"])


def _create_clocks() -> None:
    op.create_table(
        "clocks",
        sa.Column("directive", sa.Text(), nullable=False),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("met_at", Instant(), nullable=True),
        sa.Column("breached_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("directive", "duty", name=op.f("pk_clocks")),
        comment="`breached_at` is set once, and only for a verified duty.",
    )
    op.create_index(
        "ix_clocks_due",
        "clocks",
        ["due_at"],
        sqlite_where=sa.text("verified = 1 AND met_at IS NULL AND breached_at IS NULL"),
        postgresql_where=sa.text("verified AND met_at IS NULL AND breached_at IS NULL"),
    )
