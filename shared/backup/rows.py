"""Rows as lines of JSON, one array each, the values in the order of the columns."""

from collections.abc import Callable, Sequence
from datetime import datetime
from types import GenericAlias
from typing import Any

import msgspec

from shared.backup.manifest import ColumnEntry, Kind

_READ: dict[Kind, Any] = {
    Kind.INTEGER: int,
    Kind.REAL: float,
    Kind.BOOLEAN: bool,
    Kind.TEXT: str,
    Kind.BYTES: bytes,
    Kind.JSON: Any,
    Kind.JSONB: Any,
    Kind.INSTANT: datetime,
}

_encode = msgspec.json.Encoder().encode


def line_of(values: Sequence[Any]) -> bytes:
    """Bytes become base64, instants RFC 3339; a document stays one."""
    return _encode(list(values)) + b"\n"


def reader_of(columns: Sequence[ColumnEntry]) -> Callable[[bytes], tuple[Any, ...]]:
    """Reads what `line_of` wrote. Raises msgspec.MsgspecError for a line that does not fit the columns."""
    types = tuple(_nullable(_READ[column.kind]) for column in columns)
    decode: Callable[[bytes], tuple[Any, ...]] = msgspec.json.Decoder(GenericAlias(tuple, types)).decode
    return decode


def _nullable(kind: Any) -> Any:
    return kind if kind is Any else kind | None
