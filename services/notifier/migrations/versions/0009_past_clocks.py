"""How clocks were recorded before."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clocks", sa.Column("changed_at", Instant(), nullable=True))
    op.create_table(
        "clock_history",
        sa.Column("directive", sa.Text(), nullable=False),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("met_at", Instant(), nullable=True),
        sa.Column("breached_at", Instant(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("pausable", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("paused_at", Instant(), nullable=True),
        sa.Column("paused_seconds", sa.Double(), nullable=False),
        sa.Column("warned", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("directive", "duty", "changed_at", name=op.f("pk_clock_history")),
        comment="How clocks were recorded before, from `changed_at` on until the next one.",
    )


def downgrade() -> None:
    op.drop_table("clock_history")
    with op.batch_alter_table("clocks") as table:
        table.drop_column("changed_at")
