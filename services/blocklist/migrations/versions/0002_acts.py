"""What authorities and courts do: stays, confirmations of some items, supersession; validity and informal requests."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_directive_columns()
    _create_item_columns()
    op.add_column("notices", sa.Column("elements", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("replies", sa.Column("cause", sa.String(length=32), nullable=True))
    op.add_column("replies", sa.Column("impediment_ended_at", Instant(), nullable=True))


def downgrade() -> None:
    op.drop_column("replies", "impediment_ended_at")
    op.drop_column("replies", "cause")
    op.drop_column("notices", "elements")
    for name in ("confirmed", "stayed"):
        op.drop_column("items", name)
    for name in ("supersedes", "lapses_at"):
        op.drop_index(op.f(f"ix_directives_{name}"), table_name="directives")
    with op.batch_alter_table("directives", table_kwargs={"sqlite_autoincrement": True}) as batch_op:
        for name in ("comply_at_intake", "missing", "elements", "sealed", "channel", "supersedes", "lapses_at"):
            batch_op.drop_column(name)


def _create_directive_columns() -> None:
    # SQLite takes a foreign key with its column and in no other way, and Alembic writes it apart.
    op.execute(
        "ALTER TABLE directives ADD COLUMN supersedes VARCHAR(40)"
        " CONSTRAINT fk_directives_supersedes_directives REFERENCES directives (id)"
    )
    op.add_column("directives", sa.Column("lapses_at", Instant(), nullable=True))
    op.add_column("directives", sa.Column("channel", sa.String(length=16), server_default="official", nullable=False))
    op.add_column("directives", sa.Column("sealed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("directives", sa.Column("elements", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("directives", sa.Column("missing", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("directives", sa.Column("comply_at_intake", sa.Boolean(), server_default=sa.false(), nullable=False))
    for name in ("lapses_at", "supersedes"):
        op.create_index(op.f(f"ix_directives_{name}"), "directives", [name], unique=False)


def _create_item_columns() -> None:
    for name in ("stayed", "confirmed"):
        op.add_column("items", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
