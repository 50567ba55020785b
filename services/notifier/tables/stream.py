"""How far each topic has taken effect."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table

from services.notifier.tables.base import metadata
from shared.db import Instant

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
    Column("digested", BigInteger),
    Column("verified_digest", String(64)),
    comment="How far each partition has taken effect: every record below `next_offset`, none from it on.",
)
"""`sequence` is the highest number seen, `digest` the lane's rolling hash at `digested`; null before anything was numbered."""

stream_gaps = Table(
    "stream_gaps",
    metadata,
    Column("topic", String(100), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, primary_key=True, autoincrement=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", Instant, nullable=False, index=True),
    Column("found_at", Instant, nullable=False),
    Column("purged_at", Instant),
    comment="Events of a partition that never came. `purged_at`: found to be gone from the source too.",
)

stream_marks = Table(
    "stream_marks",
    metadata,
    Column("topic", String(100), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    comment="The partition's rolling hash at each multiple of 100, until a checkpoint at or beyond it was compared.",
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("topic", String(100), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("marked_sequence", BigInteger, nullable=False),
    Column("marked_digest", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("behind", BigInteger),
    Column("behind_since", Instant),
    Column("read_to_end_at", Instant),
    Column("fetched_again", Boolean, nullable=False),
    Column("settled", Boolean, nullable=False),
    comment="The latest checkpoint of each partition. `behind`: where we stood short of it, and have since `behind_since`.",
)
"""`read_to_end_at`: when, while we stood short of this checkpoint, the partition last held nothing that was not read."""
