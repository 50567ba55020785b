"""What was found is published: the outbox, and a short way to the items that were released unilaterally."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_outbox()
    _create_index_of_unilateral_items()


def downgrade() -> None:
    op.drop_index("ix_case_items_unilateral", table_name="case_items")
    op.drop_table("outbox")


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
    op.create_index(
        "ix_outbox_unpublished",
        "outbox",
        ["topic", "partition", "id"],
        unique=False,
        sqlite_where=sa.text("published_at IS NULL"),
        postgresql_where=sa.text("published_at IS NULL"),
    )


def _create_index_of_unilateral_items() -> None:
    op.create_index(
        "ix_case_items_unilateral",
        "case_items",
        ["directive"],
        unique=False,
        sqlite_where=sa.text("unilateral"),
        postgresql_where=sa.text("unilateral"),
    )
