"""What reports need: more of what the events tell, and how everything stood before."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from shared.db import Instant

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _add_to_directives()
    _add_to_items_and_correspondence()
    _add_to_enforcements()
    _create_directive_history()
    _create_case_item_history()
    _create_dropped_enforcements()
    _create_enforcement_turns()


def downgrade() -> None:
    for table in ("enforcement_turns", "dropped_enforcements", "case_item_history", "directive_history"):
        op.drop_table(table)
    op.drop_index(op.f("ix_directives_received_at"), "directives")
    for table, columns in (
        ("enforcement_points", ("scoped_at",)),
        ("enforcements", ("asked_at",)),
        ("replies", ("cause", "impediment_ended_at", "recorded_at")),
        ("notices", ("supplied", "recorded_at")),
        ("case_items", ("ground", "suspended")),
        ("directives", ("changed_at", "authority", "reference", "kind", "channel", "sealed", "missing")),
    ):
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column)


def _add_to_directives() -> None:
    op.add_column("directives", sa.Column("changed_at", Instant(), nullable=True))
    op.add_column("directives", sa.Column("authority", sa.Text(), nullable=True))
    op.add_column("directives", sa.Column("reference", sa.Text(), nullable=True))
    op.add_column("directives", sa.Column("kind", sa.Text(), nullable=True))
    op.add_column("directives", sa.Column("channel", sa.Text(), nullable=False, server_default="official"))
    op.add_column("directives", sa.Column("sealed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("directives", sa.Column("missing", _JSON, nullable=True))
    op.create_index(op.f("ix_directives_received_at"), "directives", ["received_at"])


def _add_to_items_and_correspondence() -> None:
    op.add_column("case_items", sa.Column("ground", sa.Text(), nullable=True))
    op.add_column("case_items", sa.Column("suspended", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("notices", sa.Column("supplied", _JSON, nullable=True))
    op.add_column("notices", sa.Column("recorded_at", Instant(), nullable=True))
    op.add_column("replies", sa.Column("cause", sa.Text(), nullable=True))
    op.add_column("replies", sa.Column("impediment_ended_at", Instant(), nullable=True))
    op.add_column("replies", sa.Column("recorded_at", Instant(), nullable=True))


def _add_to_enforcements() -> None:
    op.add_column("enforcements", sa.Column("asked_at", Instant(), nullable=True))
    op.add_column("enforcement_points", sa.Column("scoped_at", Instant(), nullable=True))


def _create_directive_history() -> None:
    op.create_table(
        "directive_history",
        sa.Column("directive", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("counts", _JSON, nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("directive", "revision", name=op.f("pk_directive_history")),
        comment="The revisions below: what a directive was until the next one, and since when. What never changes is not here.",
    )


def _create_case_item_history() -> None:
    op.create_table(
        "case_item_history",
        sa.Column("directive", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("jurisdictions", _JSON, nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("unilateral", sa.Boolean(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("directive", "target", "revision", name=op.f("pk_case_item_history")),
        comment="What items were before: a row moves here when a higher revision tells of its item, or comes late.",
    )


def _create_dropped_enforcements() -> None:
    op.create_table(
        "dropped_enforcements",
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("dropped_at", Instant(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=True),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("applied_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("jurisdiction", "target", "version", "point", "dropped_at", name=op.f("pk_dropped_enforcements")),
        comment="What points had to apply until their scope left it out.",
    )


def _create_enforcement_turns() -> None:
    op.create_table(
        "enforcement_turns",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("jurisdiction", sa.String(length=8), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("dropped_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enforcement_turns")),
        comment="Moves of enforcements other than a first application, in the order in which they were told.",
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_enforcement_turns_jurisdiction_target_version"), "enforcement_turns", ["jurisdiction", "target", "version"]
    )
