"""What the numbers of a partition tell: what is missing, how far it was compared, and with what."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("offsets", sa.Column("digested", sa.BigInteger(), nullable=True))
    op.add_column("offsets", sa.Column("verified_digest", sa.String(length=64), nullable=True))
    _create_gaps()
    _create_marks()
    _create_checkpoints()


def downgrade() -> None:
    for name in ("checkpoints", "stream_marks", "stream_gaps"):
        op.drop_table(name)
    with op.batch_alter_table("offsets") as table:
        table.drop_column("verified_digest")
        table.drop_column("digested")


def _create_gaps() -> None:
    op.create_table(
        "stream_gaps",
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", Instant(), nullable=False),
        sa.Column("found_at", Instant(), nullable=False),
        sa.Column("purged_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("topic", "partition", "first", "last", name=op.f("pk_stream_gaps")),
        comment="Events of a partition that never came. `purged_at`: found to be gone from the source too.",
    )
    op.create_index(op.f("ix_stream_gaps_next_try_at"), "stream_gaps", ["next_try_at"])


def _create_marks() -> None:
    op.create_table(
        "stream_marks",
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", "sequence", name=op.f("pk_stream_marks")),
        comment="The partition's rolling hash at each multiple of 100, until a checkpoint at or beyond it was compared.",
    )


def _create_checkpoints() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("marked_sequence", sa.BigInteger(), nullable=False),
        sa.Column("marked_digest", sa.String(length=64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("first_at", Instant(), nullable=False),
        sa.Column("behind", sa.BigInteger(), nullable=True),
        sa.Column("behind_since", Instant(), nullable=True),
        sa.Column("fetched_again", sa.Boolean(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition", name=op.f("pk_checkpoints")),
        comment="The latest checkpoint of each partition. `behind`: where we stood short of it, and have since `behind_since`.",
    )
