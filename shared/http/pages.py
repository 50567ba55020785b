"""Pages of a list: an opaque cursor that says after which row the next page begins."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from shared.http.fields import is_storable
from shared.http.problems import Fault, Kind, Refusal

T = TypeVar("T")


def decode_cursor(cursor: str | None, start: Sequence[Any]) -> list[Any]:
    """The position that the cursor holds, of the same shape as `start`, which stands for no cursor. Raises Refusal."""
    if cursor is None:
        return list(start)
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise not_a_cursor() from error
    if not isinstance(position, list) or [type(part) for part in position] != [type(part) for part in start]:
        raise not_a_cursor()
    if not all(map(_is_storable, position)):
        raise not_a_cursor()
    return position


def page(rows: Sequence[T], limit: int, position: Callable[[T], Sequence[Any]], present: Callable[[T], Any]) -> dict[str, Any]:
    """The envelope of a list. `rows` holds one more than `limit` if there is a next page."""
    shown = rows[:limit]
    more = len(rows) > limit
    return {"items": [present(row) for row in shown], "next": encode_cursor(position(shown[-1])) if more else None}


def _is_storable(part: Any) -> bool:
    """Whether a database can compare with it: a cursor comes from outside like everything else."""
    if isinstance(part, int):
        return abs(part) < 2**63
    return not isinstance(part, str) or is_storable(part)


def encode_cursor(position: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(position)).encode()).decode()


def not_a_cursor() -> Refusal:
    detail = "this is not a cursor that a list has given"
    return Refusal(Kind.INVALID, detail, (Fault(detail, parameter="cursor"),))
