"""Clocks that stand still, warn and are queued, and what they follow from."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_WAITS = "verified AND met_at IS NULL AND breached_at IS NULL"
_OPEN = "state IN ('running', 'paused', 'breached')"


def upgrade() -> None:
    op.drop_index("ix_clocks_due", "clocks")
    _add_columns()
    _create_clock_facts()
    _take_over()
    op.create_index(
        "ix_clocks_next",
        "clocks",
        ["next_at"],
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_index(
        "ix_clocks_open",
        "clocks",
        ["due_at", "directive", "duty"],
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )


def downgrade() -> None:
    op.drop_index("ix_clocks_open", "clocks")
    op.drop_index("ix_clocks_next", "clocks")
    op.drop_table("clock_facts")
    for name in ("state", "trigger", "pausable", "source", "paused_at", "paused_seconds", "warned", "next_at"):
        op.drop_column("clocks", name)
    op.create_index("ix_clocks_due", "clocks", ["due_at"], sqlite_where=sa.text(_WAITS), postgresql_where=sa.text(_WAITS))


def _add_columns() -> None:
    for column in (
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column("trigger", sa.Text(), server_default="receipt", nullable=False),
        sa.Column("pausable", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("paused_at", Instant(), nullable=True),
        sa.Column("paused_seconds", sa.Double(), server_default="0", nullable=False),
        sa.Column("warned", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", Instant(), nullable=True),
    ):
        op.add_column("clocks", column)
    with op.batch_alter_table("clocks") as table:
        table.create_table_comment(
            "`breached_at` is set once, and only for a verified duty. `next_at` is when somebody has to look at it."
        )


def _create_clock_facts() -> None:
    op.create_table(
        "clock_facts",
        sa.Column("directive", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("provision", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("directive", "revision", "what", name=op.f("pk_clock_facts")),
        comment="What clocks follow from: each thing that happened to a directive, once, however often it is told.",
    )


def _take_over() -> None:
    """The state of clocks that there are, and a hole in each directive: what happened before is fetched once more."""
    op.execute("UPDATE clocks SET state = 'breached' WHERE breached_at IS NOT NULL AND met_at IS NULL")
    op.execute("UPDATE clocks SET state = 'met' WHERE met_at IS NOT NULL AND (met_at <= due_at OR NOT verified)")
    op.execute("UPDATE clocks SET state = 'met_late' WHERE met_at > due_at AND verified")
    op.execute("UPDATE clocks SET next_at = due_at WHERE verified AND state = 'running'")
    op.execute(
        "INSERT INTO revision_holes (directive, first, last, attempts, next_try_at)"
        " SELECT id, 1, revision, 0, received_at FROM directives WHERE true ON CONFLICT DO NOTHING"
    )
