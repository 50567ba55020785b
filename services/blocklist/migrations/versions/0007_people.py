"""What users were told, and what they appealed against."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("directives", sa.Column("user_notice", sa.String(length=16), server_default="delayed", nullable=False))
    _create_user_notices()
    _create_appeals()


def downgrade() -> None:
    op.drop_table("appeals")
    op.drop_table("user_notices")
    op.drop_column("directives", "user_notice")


def _create_user_notices() -> None:
    op.create_table(
        "user_notices",
        sa.Column("directive", sa.String(length=40), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("claims", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=True),
        sa.Column("memo", sa.Text(), nullable=True),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("state IN ('sent', 'waived')", name=op.f("ck_user_notices_was_handled")),
        sa.ForeignKeyConstraint(["directive"], ["directives.id"], name=op.f("fk_user_notices_directive_directives")),
        sa.PrimaryKeyConstraint("directive", "target", "version", name=op.f("pk_user_notices")),
        comment="Tasks to tell a user that were handled: which claims of which version of the item, and how.",
    )


def _create_appeals() -> None:
    op.create_table(
        "appeals",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("directive", sa.String(length=40), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("concluded_at", Instant(), nullable=True),
        sa.Column("memo", sa.Text(), nullable=True),
        sa.Column("approvers", sa.JSON(none_as_null=True), nullable=True),
        sa.CheckConstraint("(state = 'received') = (concluded_at IS NULL)", name=op.f("ck_appeals_concluded_once_decided")),
        sa.ForeignKeyConstraint(["directive"], ["directives.id"], name=op.f("fk_appeals_directive_directives")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_appeals")),
        sa.UniqueConstraint("id", name=op.f("uq_appeals_id")),
        comment="Appeals against one directive's claim on one target. The text never leaves this table but to the operator.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_appeals_directive"), "appeals", ["directive"], unique=False)
    op.create_index(op.f("ix_appeals_target"), "appeals", ["target"], unique=False)
