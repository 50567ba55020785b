"""What a migration takes away from those who knew the schema before it: N and N-1 run beside each other during an upgrade.

N-1 reads and writes by the columns that it knows. It goes on if each of them is still there with its type, if whatever is new
needs nothing from it, and if no constraint is new that what it writes could break.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, inspect


@dataclass(frozen=True, slots=True)
class Column:
    type: str
    nullable: bool
    has_default: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """Of one table: its columns by name, and what must hold of its rows. `rules` name the columns that each of them is about."""

    columns: Mapping[str, Column]
    rules: Mapping[str, frozenset[str]]


def shapes(connection: Connection) -> dict[str, Shape]:
    """Every table that the database has."""
    inspector = inspect(connection)
    return {name: _shape(connection, name) for name in inspector.get_table_names() if name != "alembic_version"}


def breaks(before: Mapping[str, Shape], after: Mapping[str, Shape]) -> list[str]:
    """What in `after` may break who knows only `before`, in words."""
    return [found for name, old in before.items() for found in _table_breaks(name, old, after.get(name))]


def _table_breaks(name: str, old: Shape, new: Shape | None) -> Iterator[str]:
    if new is None:
        yield f"table {name} is gone"
        return
    for column, was in old.columns.items():
        yield from _column_breaks(f"{name}.{column}", was, new.columns.get(column))
    for column in new.columns.keys() - old.columns.keys():
        if not new.columns[column].nullable and not new.columns[column].has_default:
            yield f"column {name}.{column} is new and needs a value"
    for rule in new.rules.keys() - old.rules.keys():
        if new.rules[rule] & old.columns.keys():
            yield f"table {name} has a new rule: {rule}"


def _column_breaks(name: str, was: Column, now: Column | None) -> Iterator[str]:
    if now is None:
        yield f"column {name} is gone"
        return
    if now.type != was.type:
        yield f"column {name} was {was.type} and is {now.type}"
    if was.nullable and not now.nullable:
        yield f"column {name} may not be null any more"
    if was.has_default and not now.has_default and not now.nullable:
        yield f"column {name} has no default any more"


def _shape(connection: Connection, table: str) -> Shape:
    columns = {
        column["name"]: Column(
            column["type"].compile(connection.dialect),
            column["nullable"],
            column["default"] is not None or column.get("autoincrement") is True,
        )
        for column in inspect(connection).get_columns(table)
    }
    return Shape(columns, dict(_rules(connection, table, frozenset(columns))))


def _rules(connection: Connection, table: str, columns: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    inspector = inspect(connection)
    key = frozenset(inspector.get_pk_constraint(table)["constrained_columns"])
    yield f"primary key {sorted(key)}", key
    unique = [frozenset(constraint["column_names"]) for constraint in inspector.get_unique_constraints(table)]
    unique += [frozenset(map(str, index["column_names"])) for index in inspector.get_indexes(table) if index["unique"]]
    for named in unique:
        yield f"unique {sorted(named)}", named
    for check in inspector.get_check_constraints(table):
        named = columns & set(re.findall(r"\w+", check["sqltext"]))
        yield f"check of {sorted(named)}: {check['name']}", named
    for reference in inspector.get_foreign_keys(table):
        named = frozenset(reference["constrained_columns"])
        yield f"reference {sorted(named)} to {reference['referred_table']}", named
