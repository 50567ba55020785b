"""Published events are found by their number: to be sent again, and to be read by who missed them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

NUMBERED = sa.text("sequence IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_outbox_sequence",
        "outbox",
        ["topic", "partition", "sequence"],
        unique=False,
        sqlite_where=NUMBERED,
        postgresql_where=NUMBERED,
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_sequence", table_name="outbox")
