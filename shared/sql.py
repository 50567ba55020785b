"""What both services say to either database in the same words."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from sqlalchemy import JSON, BigInteger, Integer, MetaData, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

PARAMETERS = 10_000
"""Values in one statement; SQLite takes 32,766."""

SERIAL = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database counts up; SQLite does so for its own INTEGER alone."""

Json = JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
"""A document, in the form in which the database can look into it. No document is NULL, not a JSON null."""

Insert = sqlite.Insert | postgresql.Insert


def named_metadata() -> MetaData:
    """Tables whose constraints have predictable names, so that a migration can find them."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def upsert(connection: AsyncConnection, table: Table) -> Insert:
    """An INSERT that can be told what to do with rows that are there already."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def in_chunks(values: Sequence[T], *, per: int = 1) -> Iterator[Sequence[T]]:
    """The values, of `per` parameters each, cut so that no statement has more parameters than a database takes."""
    size = PARAMETERS // per
    for start in range(0, len(values), size):
        yield values[start : start + size]
