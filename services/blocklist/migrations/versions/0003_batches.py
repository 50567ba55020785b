"""Items get versions and a history, and each write a name."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _version_items()
    _create_item_history()
    _create_batches()


def downgrade() -> None:
    op.drop_table("batches")
    op.drop_table("item_history")
    op.drop_index(op.f("ix_items_target"), table_name="items")
    op.drop_column("items", "batch")
    op.drop_column("items", "version")


def _version_items() -> None:
    op.add_column("items", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("items", sa.Column("batch", sa.String(length=40), nullable=True))
    op.create_index(op.f("ix_items_target"), "items", ["target"], unique=False)


def _create_item_history() -> None:
    op.create_table(
        "item_history",
        sa.Column("directive", sa.String(length=40), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=24), nullable=True),
        sa.Column("ground", sa.String(length=32), nullable=True),
        sa.Column("claims", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("stayed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("confirmed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("batch", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("directive", "target", "version", name=op.f("pk_item_history")),
        comment="Every version of an item but the latest: a row moves here when the next one is made.",
    )


def _create_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("memo", sa.Text(), nullable=True),
        sa.Column("approvers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("undoes", sa.String(length=40), nullable=True),
        sa.Column("directives", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Integer(), nullable=False),
        sa.Column("released", sa.Integer(), nullable=False),
        sa.Column("withholdings_changed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["undoes"], ["batches.id"], name=op.f("fk_batches_undoes_batches")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_batches")),
        sa.UniqueConstraint("id", name=op.f("uq_batches_id")),
        comment="What each write did, as one thing: the rows of items and item_history that name it.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_batches_at"), "batches", ["at"], unique=False)
    op.create_index(op.f("ix_batches_undoes"), "batches", ["undoes"], unique=False)
