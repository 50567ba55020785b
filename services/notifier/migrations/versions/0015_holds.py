"""Whose state nobody knows because of a record that was set aside, and what operators did about it."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.db import Instant
from shared.sql import SERIAL, Json

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in _columns():
        op.add_column("quarantine", column)
    op.create_index("ix_quarantine_topic_partition_offset", "quarantine", ["topic", "partition", "offset"])
    held = sa.text("holds AND freed_at IS NULL")
    op.create_index(
        "ix_quarantine_held",
        "quarantine",
        ["jurisdiction", "target", "directive"],
        sqlite_where=held,
        postgresql_where=held,
    )
    op.create_table(
        "quarantine_actions",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("record", SERIAL, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("verb", sa.String(length=8), nullable=False),
        sa.Column("actors", Json, nullable=False),
        sa.Column("memo", sa.Text(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["record"], ["quarantine.id"], name=op.f("fk_quarantine_actions_record_quarantine")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine_actions")),
        comment="Every try of an operator to be done with a record, those in vain included. `actors` are unverified names.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_quarantine_actions_record"), "quarantine_actions", ["record"])


def downgrade() -> None:
    op.drop_table("quarantine_actions")
    op.drop_index("ix_quarantine_held", "quarantine")
    op.drop_index("ix_quarantine_topic_partition_offset", "quarantine")
    with op.batch_alter_table("quarantine", table_kwargs={"sqlite_autoincrement": True}) as table:
        for column in _columns():
            table.drop_column(column.name)


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("headers", Json, nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=8), server_default="open", nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.Column("jurisdiction", sa.String(length=8), nullable=True),
        sa.Column("target", sa.Text(), nullable=True),
        sa.Column("directive", sa.Text(), nullable=True),
        sa.Column("holds", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("freed_at", Instant(), nullable=True),
        sa.Column("freed_by", sa.String(length=16), nullable=True),
    ]
