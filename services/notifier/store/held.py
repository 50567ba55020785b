"""Keys and directives of which nobody knows how they stand, because of records that were set aside."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, distinct, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.quarantine import FreedBy
from services.notifier.store import keys
from services.notifier.store.dialects import holds
from services.notifier.tables import case_items, directive_scopes, holding, quarantine
from shared.ids import DirectiveId, Jurisdiction, Key
from shared.sql import in_chunks


async def free_keys(
    connection: AsyncConnection, wanted: Collection[Key], by: FreedBy, at: datetime, *, until: datetime | None = None
) -> None:
    """Ends the holds on these keys; of records set aside by `until` alone, if that is told."""
    if not wanted or not await _any(connection):
        return
    for condition in keys.conditions(quarantine, wanted):
        await _free(connection, condition, by, at, until)


async def free_directive(
    connection: AsyncConnection, directive: DirectiveId, by: FreedBy, at: datetime, *, until: datetime | None = None
) -> None:
    await _free(connection, quarantine.c.directive == directive, by, at, until)


async def free_record(connection: AsyncConnection, id_: int, by: FreedBy, at: datetime) -> None:
    """Ends the hold of this record alone."""
    await _free(connection, quarantine.c.id == id_, by, at, None)


async def is_held(connection: AsyncConnection, of: Key | DirectiveId) -> bool:
    statement = select(literal(1)).select_from(quarantine).where(holding, _about(of)).limit(1)
    return (await connection.execute(statement)).first() is not None


async def count_keys(connection: AsyncConnection) -> Counter[Jurisdiction]:
    """By jurisdiction."""
    place, target = quarantine.c.jurisdiction, quarantine.c.target
    statement = select(place, func.count(distinct(target))).where(holding, target.is_not(None)).group_by(place)
    return Counter({Jurisdiction(found): number for found, number in await connection.execute(statement)})


async def count_directives(connection: AsyncConnection) -> int:
    statement = select(func.count(distinct(quarantine.c.directive))).where(holding)
    return int((await connection.execute(statement)).scalar_one())


async def unplaced(connection: AsyncConnection) -> int:
    """Open records of which nobody can tell what they were about."""
    c = quarantine.c
    nothing = and_(c.state == "open", c.target.is_(None), c.directive.is_(None))
    return int((await connection.execute(select(func.count()).select_from(quarantine).where(nothing))).scalar_one())


async def directives_held(
    connection: AsyncConnection, ids: Sequence[DirectiveId], *, as_of: datetime | None = None
) -> set[DirectiveId]:
    """Those of the directives of which a record itself could not be understood."""
    found: set[DirectiveId] = set()
    for chunk in in_chunks(ids):
        statement = select(quarantine.c.directive).where(held_at(as_of), quarantine.c.directive.in_(chunk))
        found.update((await connection.execute(statement)).scalars())
    return found


async def items_held(
    connection: AsyncConnection, ids: Sequence[DirectiveId], *, as_of: datetime | None = None
) -> Counter[DirectiveId]:
    """Of how many items of each directive a key is held, where it claims it or asks for it."""
    found: Counter[DirectiveId] = Counter()
    for chunk in in_chunks(ids):
        asked = (
            select(literal(1))
            .where(
                directive_scopes.c.directive == case_items.c.directive,
                directive_scopes.c.jurisdiction == quarantine.c.jurisdiction,
            )
            .correlate(case_items, quarantine)
            .exists()
        )
        claimed = holds(connection, case_items.c.jurisdictions, quarantine.c.jurisdiction)
        statement = (
            select(case_items.c.directive, func.count(distinct(case_items.c.target)))
            .join_from(case_items, quarantine, and_(quarantine.c.target == case_items.c.target, or_(claimed, asked)))
            .where(held_at(as_of), case_items.c.directive.in_(chunk))
            .group_by(case_items.c.directive)
        )
        found.update({DirectiveId(id_): number for id_, number in await connection.execute(statement)})
    return found


def held_at(at: datetime | None) -> ColumnElement[bool]:
    """Whether the record holds what it is about, now or at that time."""
    if at is None:
        return holding
    c = quarantine.c
    return and_(c.holds, c.at <= at, or_(c.freed_at.is_(None), c.freed_at > at))


def key_is_held(table: Any) -> ColumnElement[bool]:
    """Whether the key of the row is held now."""
    same = and_(quarantine.c.jurisdiction == table.c.jurisdiction, quarantine.c.target == table.c.target)
    return select(literal(1)).where(holding, same).correlate(table).exists()


async def held_among(
    connection: AsyncConnection, places: Collection[Jurisdiction] | None, at: datetime | None = None
) -> list[Key]:
    """The keys that are held in these jurisdictions, or in all."""
    c = quarantine.c
    statement = select(c.jurisdiction, c.target).distinct().where(held_at(at), c.target.is_not(None))
    if places is not None:
        statement = statement.where(c.jurisdiction.in_(places))
    return [Key(*row) for row in await connection.execute(statement)]


async def _any(connection: AsyncConnection) -> bool:
    return (await connection.execute(select(literal(1)).select_from(quarantine).where(holding).limit(1))).first() is not None


async def _free(
    connection: AsyncConnection, condition: ColumnElement[bool], by: FreedBy, at: datetime, until: datetime | None
) -> None:
    early = [] if until is None else [quarantine.c.at <= until]
    await connection.execute(update(quarantine).where(holding, condition, *early).values(freed_at=at, freed_by=by))


def _about(of: Key | DirectiveId) -> ColumnElement[bool]:
    if isinstance(of, Key):
        return and_(quarantine.c.jurisdiction == of.jurisdiction, quarantine.c.target == of.target)
    return quarantine.c.directive == of
