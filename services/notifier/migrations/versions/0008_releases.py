"""Items by target, for who else claims a key."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_case_items_target"), "case_items", ["target"])


def downgrade() -> None:
    op.drop_index(op.f("ix_case_items_target"), "case_items")
