"""When interim directives lapse, as the blocklist has fixed it."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("directives", sa.Column("lapses_at", Instant(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("directives") as table:
        table.drop_column("lapses_at")
