"""What is published is numbered, by relays that share the lanes; and what holds of the database as a whole."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("sequence", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("kafka_offset", sa.BigInteger(), nullable=True))
    _create_lanes()
    _create_members()
    _create_system()
    for column in _numbering():
        op.add_column("offsets", column)


def downgrade() -> None:
    with op.batch_alter_table("offsets") as table:
        for column in _numbering():
            table.drop_column(column.name)
    for name in ("system", "relay_members", "relay_lanes"):
        op.drop_table(name)
    with op.batch_alter_table("outbox") as table:
        table.drop_column("kafka_offset")
        table.drop_column("sequence")


def _numbering() -> list[sa.Column[Any]]:
    return [
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("verified_sequence", sa.BigInteger(), nullable=True),
        sa.Column("verified_at", Instant(), nullable=True),
    ]


def _create_lanes() -> None:
    op.create_table(
        "relay_lanes",
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("owner", sa.String(length=200), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("assigned", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("published", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("digest", sa.String(length=64), server_default="", nullable=False),
        sa.Column("marked_sequence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("marked_digest", sa.String(length=64), server_default="", nullable=False),
        sa.Column("checkpointed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("checkpointed_at", Instant(), nullable=True),
        sa.Column("halted_at", Instant(), nullable=True),
        sa.Column("halted_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_relay_lanes")),
        comment="`epoch` rises with each owner; `assigned` is the last sequence given out, `published` the last acknowledged.",
    )


def _create_members() -> None:
    op.create_table(
        "relay_members",
        sa.Column("owner", sa.String(length=200), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name=op.f("pk_relay_members")),
    )


def _create_system() -> None:
    op.create_table(
        "system",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="1", nullable=False),
        sa.Column("partitions", sa.Integer(), nullable=True),
        sa.Column("epoch_began_at", Instant(), nullable=True),
        sa.Column("restored_from", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_system_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system")),
        comment="One row: what holds of the database as a whole.",
    )
