"""The first schema."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_directives()
    _create_idempotency()
    _create_outbox()
    _create_withholding_history()
    _create_withholdings()
    _create_case_events()
    _create_directive_scopes()
    _create_items()
    _create_notices()
    _create_replies()


def downgrade() -> None:
    for table in (
        "replies",
        "notices",
        "items",
        "directive_scopes",
        "case_events",
        "withholdings",
        "withholding_history",
        "outbox",
        "idempotency",
        "directives",
    ):
        op.drop_table(table)


def _create_directives() -> None:
    op.create_table(
        "directives",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("authority", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("legal_basis", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("requested_jurisdictions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("scope", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("confirmed_at", Instant(), nullable=True),
        sa.Column("supplements", sa.String(length=40), nullable=True),
        sa.Column("document", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("label", sa.String(length=16), nullable=False),
        sa.Column("interim", sa.Boolean(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("tally", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["supplements"], ["directives.id"], name=op.f("fk_directives_supplements_directives")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_directives")),
        sa.UniqueConstraint("authority", "reference", name=op.f("uq_directives_authority_reference")),
        sa.UniqueConstraint("id", name=op.f("uq_directives_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("directives", schema=None) as batch_op:
        batch_op.create_index("ix_directives_open_expires_at", ["expires_at"], unique=False)


def _create_idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("location", sa.String(length=200), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency")),
        comment="The answer given to each idempotency key, written in the transaction of what was answered.",
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("published_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outbox_unpublished",
            ["topic", "partition", "id"],
            unique=False,
            sqlite_where=sa.text("published_at IS NULL"),
            postgresql_where=sa.text("published_at IS NULL"),
        )


def _create_withholding_history() -> None:
    op.create_table(
        "withholding_history",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("cause", sa.String(length=24), autoincrement=False, nullable=True),
        sa.Column("directives", sa.JSON(none_as_null=True), autoincrement=False, nullable=False),
        sa.Column("effective_at", Instant(), autoincrement=False, nullable=False),
        sa.Column("due_at", Instant(), autoincrement=False, nullable=True),
        sa.Column("label", sa.String(length=16), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("target", "jurisdiction", "version", name=op.f("pk_withholding_history")),
        comment="Every version but the latest: a row moves here when the next one is made.",
    )


def _create_withholdings() -> None:
    op.create_table(
        "withholdings",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("target_type", sa.String(length=8), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=24), nullable=True),
        sa.Column("directives", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("effective_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("label", sa.String(length=16), nullable=False),
        sa.Column("claimants", sa.JSON(none_as_null=True), nullable=False),
        sa.CheckConstraint("(state = 'released') = (cause IS NOT NULL)", name=op.f("ck_withholdings_cause_iff_released")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_withholdings_version_starts_at_one")),
        sa.PrimaryKeyConstraint("target", "jurisdiction", name=op.f("pk_withholdings")),
        comment="Each key at its latest version. The row's lock is what versions are assigned under.",
    )
    with op.batch_alter_table("withholdings", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_withholdings_jurisdiction_state_target"), ["jurisdiction", "state", "target"], unique=False
        )


def _create_case_events() -> None:
    op.create_table(
        "case_events",
        sa.Column("directive", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("detail", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["directive"], ["directives.id"], name=op.f("fk_case_events_directive_directives")),
        sa.PrimaryKeyConstraint("directive", "revision", name=op.f("pk_case_events")),
        comment="A directive's timeline: each case event as published, and in `detail` what is not (memos, approvers).",
    )


def _create_directive_scopes() -> None:
    op.create_table(
        "directive_scopes",
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("directive", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["directive"], ["directives.id"], name=op.f("fk_directive_scopes_directive_directives")),
        sa.PrimaryKeyConstraint("jurisdiction", "directive", name=op.f("pk_directive_scopes")),
        comment="Where a directive asks for something, to list directives by jurisdiction.",
    )


def _create_items() -> None:
    op.create_table(
        "items",
        sa.Column("directive", sa.String(length=40), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("received", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=24), nullable=True),
        sa.Column("ground", sa.String(length=32), nullable=True),
        sa.Column("claims", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint("(state IN ('released', 'ended')) = (cause IS NOT NULL)", name=op.f("ck_items_cause_iff_released")),
        sa.ForeignKeyConstraint(["directive"], ["directives.id"], name=op.f("fk_items_directive_directives")),
        sa.PrimaryKeyConstraint("directive", "target", name=op.f("pk_items")),
        comment="`claims` maps jurisdiction to live, suspended or the cause it ended for; withholdings.claimants is its inverse.",
    )
    with op.batch_alter_table("items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_items_directive_state"), ["directive", "state"], unique=False)


def _create_notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("directive", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("provision", sa.String(length=200), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["directive"], ["directives.id"], name=op.f("fk_notices_directive_directives")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notices_directive"), ["directive"], unique=False)


def _create_replies() -> None:
    op.create_table(
        "replies",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("directive", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["directive"], ["directives.id"], name=op.f("fk_replies_directive_directives")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replies")),
    )
    with op.batch_alter_table("replies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_replies_directive"), ["directive"], unique=False)
