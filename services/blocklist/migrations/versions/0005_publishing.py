"""Publishing can be stopped."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "publishing_stops",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("standing", sa.Boolean(), nullable=True),
        sa.Column("stopped_at", Instant(), nullable=False),
        sa.Column("stopped_by", sa.String(length=200), nullable=False),
        sa.Column("stop_memo", sa.Text(), nullable=False),
        sa.Column("resumed_at", Instant(), nullable=True),
        sa.Column("resume_memo", sa.Text(), nullable=True),
        sa.Column("approvers", sa.JSON(none_as_null=True), nullable=True),
        sa.CheckConstraint("(standing IS NULL) = (resumed_at IS NOT NULL)", name=op.f("ck_publishing_stops_resumed_iff_over")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_publishing_stops")),
        sa.UniqueConstraint("standing", name=op.f("uq_publishing_stops_standing")),
        comment="Every time that publishing was stopped. The one that stands has `standing` true, those that are over null.",
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("publishing_stops")
