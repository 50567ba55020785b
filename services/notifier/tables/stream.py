"""How far each topic has taken effect, and what was set aside."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from services.notifier.tables.base import metadata
from shared.db import Instant
from shared.sql import SERIAL

offsets = Table(
    "offsets",
    metadata,
    Column("topic", String(100), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("epoch", BigInteger),
    Column("sequence", BigInteger),
    Column("digest", String(64)),
    Column("verified_sequence", BigInteger),
    Column("verified_at", Instant),
    comment="How far each partition has taken effect: every record below `next_offset`, none from it on.",
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("topic", String(100), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("value", LargeBinary),
    Column("at", Instant, nullable=False),
    comment="Records that could not be understood, or that contradict others, byte for byte.",
    sqlite_autoincrement=True,
)
