"""Subscribers, and what they are to be told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from shared.db import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_UNFINISHED = "next_at IS NOT NULL"


def upgrade() -> None:
    _create_subscriptions()
    _create_deliveries()


def downgrade() -> None:
    for table in ("deliveries", "subscriptions"):
        op.drop_table(table)


def _create_subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("requested", _JSON, nullable=False),
        sa.Column("jurisdictions", _JSON, nullable=False),
        sa.Column("events", _JSON, nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint("(channel = 'webhook') = (secret IS NOT NULL)", name=op.f("ck_subscriptions_secret_iff_webhook")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        comment="Who wants to be told. `address` is a URL or a mailbox; `jurisdictions` are those `requested`, groups expanded.",
    )


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("subscription", sa.Text(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("type", sa.String(length=100), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("message", sa.String(length=40), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("next_at", Instant(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('waiting', 'failed')) = (next_at IS NOT NULL)", name=op.f("ck_deliveries_next_at_iff_unfinished")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("id", name=op.f("uq_deliveries_id")),
        comment="One finding for one subscriber. All rows of one `message` are sent, and change, together.",
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_deliveries_message"), "deliveries", ["message"], unique=False)
    op.create_index(op.f("ix_deliveries_subscription_seq"), "deliveries", ["subscription", "seq"], unique=False)
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["subscription", "next_at"],
        unique=False,
        sqlite_where=sa.text(_UNFINISHED),
        postgresql_where=sa.text(_UNFINISHED),
    )
