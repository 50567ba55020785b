"""Under which epoch each key's present version came: a restored blocklist may say something else of the same version."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("withholdings", sa.Column("epoch", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("withholdings") as table:
        table.drop_column("epoch")
