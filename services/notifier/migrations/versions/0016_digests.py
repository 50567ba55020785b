"""What the blocklist says that each jurisdiction's state comes to."""

import sqlalchemy as sa
from alembic import op

from shared.db import Instant

revision = "0016"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "state_digests",
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("keys", sa.BigInteger(), nullable=False),
        sa.Column("withheld", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("compared_as_of", Instant(), nullable=True),
        sa.Column("mismatches", sa.Integer(), server_default="0", nullable=False),
        sa.Column("diverged_at", Instant(), nullable=True),
        sa.Column("agreed_as_of", Instant(), nullable=True),
        sa.Column("resync_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("jurisdiction", name=op.f("pk_state_digests")),
        comment="The latest digest of each jurisdiction. `mismatches` in succession; `resync_at`: when to compare key by key.",
    )


def downgrade() -> None:
    op.drop_table("state_digests")
