"""Withholdings by target, for the effect of directives."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_withholdings_target"), "withholdings", ["target"])


def downgrade() -> None:
    op.drop_index(op.f("ix_withholdings_target"), "withholdings")
