"""TOML values into the tables of `shared.registry.model`. Finds all that is wrong with a table, not the first thing only."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec
import pycountry

from shared.jurisdictions import expand
from shared.registry.table import WHEN_ABSENT, Area, Currency, Table

T = TypeVar("T", bound=Table)

_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class Place(NamedTuple):
    """Where a value stands: the file, and the path of its field, such as `duties[0].trigger`."""

    file: str
    field: str = ""

    def of(self, name: str) -> "Place":
        return Place(self.file, f"{self.field}.{name}" if self.field else name)

    def at(self, index: int) -> "Place":
        return Place(self.file, f"{self.field}[{index}]")


class Problem(NamedTuple):
    place: Place
    reason: str

    def __str__(self) -> str:
        return f"{self.place.file}: {self.place.field}: {self.reason}"


def read_table(cls: type[T], raw: object, place: Place, problems: list[Problem]) -> T | None:
    """The table as a value, or None after it added at least one problem. Unknown fields are refused."""
    if not isinstance(raw, dict):
        problems.append(Problem(place, "expected a table"))
        return None
    return read_fields(cls, raw, place.of, problems)


def read_fields(cls: type[T], raw: Mapping[str, object], where: Callable[[str], Place], problems: list[Problem]) -> T | None:
    """The same of a table whose fields may stand in several places; `where` knows them."""
    before = len(problems)
    names = {field.name for field in dataclasses.fields(cls)}
    problems.extend(Problem(where(name), "unknown field") for name in raw if name not in names)
    values = _read_values(cls, raw, where, problems)
    if len(problems) > before:
        return None
    table = cls(**values)
    problems.extend(Problem(where(field), reason) for field, reason in table.faults())
    return table if len(problems) == before else None


def read_value(hint: Any, raw: object, place: Place, problems: list[Problem]) -> Any:
    """The value as the type says. What does not fit is added to the problems, and the answer then means nothing."""
    hint = _without_none(hint)
    if get_origin(hint) is tuple:
        return _read_list(get_args(hint)[0], raw, place, problems)
    if isinstance(hint, type) and issubclass(hint, Table):
        return read_table(hint, raw, place, problems)
    try:
        return _read_scalar(hint, raw)
    except ValueError as error:
        problems.append(Problem(place, str(error)))
        return None


def _read_values(
    cls: type[Table], raw: Mapping[str, object], where: Callable[[str], Place], problems: list[Problem]
) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    values = {}
    for field in dataclasses.fields(cls):
        if field.name in raw:
            values[field.name] = read_value(hints[field.name], raw[field.name], where(field.name), problems)
        elif field.default is dataclasses.MISSING:
            problems.append(Problem(where(field.name), field.metadata.get(WHEN_ABSENT, "missing")))
    return values


def _read_list(hint: Any, raw: object, place: Place, problems: list[Problem]) -> tuple[Any, ...]:
    if not isinstance(raw, list):
        problems.append(Problem(place, "expected a list"))
        return ()
    return tuple(read_value(hint, each, place.at(index), problems) for index, each in enumerate(raw))


def _read_scalar(hint: Any, raw: object) -> object:
    """Raises ValueError with the reason; msgspec's and the jurisdictions' own errors are ValueErrors too."""
    value = msgspec.convert(raw, str if hint is timedelta else hint)
    if hint is timedelta:
        return _duration(cast("str", value))
    if hint is Area:
        expand([cast("str", value)])
    if hint is Currency and value not in _currencies():
        raise ValueError(f"{value!r} is no currency: an ISO 4217 code such as INR or EUR")
    return value


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"not a duration: {text!r}; write 30m, 48h or 184d")
    return int(match[1]) * _UNITS[match[2]]


def _without_none(hint: Any) -> Any:
    """TOML has no null: a field that may be absent is, when present, of its own type."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    return next(each for each in get_args(hint) if each is not NoneType)


@cache
def _currencies() -> frozenset[str]:
    return frozenset(currency.alpha_3 for currency in pycountry.currencies)
