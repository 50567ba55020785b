"""What the blocklist says that each jurisdiction's state comes to, and how it compares with ours."""

from sqlalchemy import BigInteger, Column, Integer, String, Table

from services.notifier.tables.base import metadata
from shared.db import Instant

state_digests = Table(
    "state_digests",
    metadata,
    Column("jurisdiction", String(8), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("keys", BigInteger, nullable=False),
    Column("withheld", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("compared_as_of", Instant),
    Column("mismatches", Integer, nullable=False, server_default="0"),
    Column("diverged_at", Instant),
    Column("agreed_as_of", Instant),
    Column("resync_at", Instant),
    comment="The latest digest of each jurisdiction. `mismatches` in succession; `resync_at`: when to compare key by key.",
)
