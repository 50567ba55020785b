"""What stands beside the tables of a backup: what they hold, and how to tell that it is still so."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from shared.db import Instant
from shared.sql import Json

FORMAT = 1


class Kind(StrEnum):
    """The type of a column, in words that outlive a schema."""

    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    TEXT = "text"
    BYTES = "bytes"
    INSTANT = "instant"
    JSON = "json"
    JSONB = "jsonb"


_PLAIN: dict[type[TypeEngine[Any]], Kind] = {
    Instant: Kind.INSTANT,
    Boolean: Kind.BOOLEAN,
    LargeBinary: Kind.BYTES,
    Double: Kind.REAL,
    Integer: Kind.INTEGER,
}

_TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.INTEGER: BigInteger(),
    Kind.REAL: Double(),
    Kind.BOOLEAN: Boolean(),
    Kind.TEXT: Text(),
    Kind.BYTES: LargeBinary(),
    Kind.INSTANT: Instant(),
    Kind.JSON: JSON(none_as_null=True),
    Kind.JSONB: Json,
}


class ColumnEntry(msgspec.Struct, frozen=True):
    name: str
    kind: Kind


class TableEntry(msgspec.Struct, frozen=True, kw_only=True):
    """`sha256` is of the rows as they are written, before compression; `serial` the last number that the table gave out."""

    name: str
    columns: tuple[ColumnEntry, ...]
    rows: int
    sha256: str
    serial: int | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`revision` is the schema's; `epoch` that of the database, below every epoch of a database restored from it."""

    service: str
    revision: str
    epoch: int
    taken_at: datetime
    dialect: str
    tables: tuple[TableEntry, ...]
    format: int = FORMAT


def columns_of(table: Table) -> tuple[ColumnEntry, ...]:
    return tuple(ColumnEntry(str(column.name), _kind(column.type)) for column in table.c)


def table_of(entry: TableEntry) -> Table:
    """The table as it was when the backup was made, whatever it has become since: names and types, no constraints."""
    return Table(entry.name, MetaData(), *(Column(column.name, _TYPES[column.kind]) for column in entry.columns))


def _kind(column_type: TypeEngine[Any]) -> Kind:
    if isinstance(column_type, JSON):
        on_postgresql = column_type.dialect_impl(postgresql.dialect())  # type: ignore[no-untyped-call]
        return Kind.JSONB if isinstance(on_postgresql, postgresql.JSONB) else Kind.JSON
    return next((kind for known, kind in _PLAIN.items() if isinstance(column_type, known)), Kind.TEXT)
