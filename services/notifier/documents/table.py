"""Rows as CSV that no spreadsheet takes for a formula."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_DANGEROUS = tuple("=+-@\t\r\n\0＝＋－＠")
"""What makes a spreadsheet compute, full-width forms included."""


def csv_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line for each row under the names of all columns; what is nested has a column of its own for each name."""
    flat = [dict(_flat(row)) for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(map(harmless, columns))
    writer.writerows([harmless(row.get(name, "")) for name in columns] for row in flat)
    return written.getvalue()


def harmless(value: Any) -> str:
    """The value as text; a text that a spreadsheet might compute is marked as one by an apostrophe."""
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_DANGEROUS) else text


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}_")
        else:
            yield f"{prefix}{name}", value
