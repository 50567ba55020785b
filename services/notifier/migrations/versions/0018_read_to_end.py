"""When a partition that stands short of its checkpoint was read to its end: what lies unread is not lost."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("checkpoints", sa.Column("read_to_end_at", Instant(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("checkpoints") as table:
        table.drop_column("read_to_end_at")
