"""Directives, each as its highest revision tells it, whatever the order in which its events come."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, and_, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.domain.case import Directive
from services.notifier.domain.compliance import ItemCounts
from services.notifier.tables import directive_history, directive_scopes, directives
from shared.ids import DirectiveId, Jurisdiction
from shared.sql import in_chunks, upsert


async def locked(connection: AsyncConnection, wanted: Iterable[DirectiveId]) -> dict[DirectiveId, Directive]:
    statement = select(*directives.c).where(directives.c.id.in_(sorted(set(wanted)))).order_by(directives.c.id).with_for_update()
    rows = (await connection.execute(statement)).mappings()
    return {directive.id: directive for directive in map(_directive, rows)}


async def find(connection: AsyncConnection, id_: DirectiveId) -> Directive | None:
    row = (await connection.execute(select(*directives.c).where(directives.c.id == id_))).mappings().first()
    return _directive(row) if row else None


async def several(connection: AsyncConnection, ids: Collection[DirectiveId]) -> dict[DirectiveId, Directive]:
    """Those of the directives of which something has been heard."""
    found: dict[DirectiveId, Directive] = {}
    for chunk in in_chunks(sorted(ids)):
        rows = (await connection.execute(select(*directives.c).where(directives.c.id.in_(chunk)))).mappings()
        found.update((directive.id, directive) for directive in map(_directive, rows))
    return found


async def by_place(connection: AsyncConnection, places: Collection[Jurisdiction]) -> dict[Jurisdiction, list[Directive]]:
    """The directives that ask for something in each of the jurisdictions."""
    statement = (
        select(directive_scopes.c.jurisdiction.label("place"), *directives.c)
        .join_from(directive_scopes, directives, directives.c.id == directive_scopes.c.directive)
        .where(directive_scopes.c.jurisdiction.in_(places))
        .order_by(directives.c.id)
    )
    found: dict[Jurisdiction, list[Directive]] = {place: [] for place in places}
    for row in (await connection.execute(statement)).mappings():
        found[row["place"]].append(_directive(row))
    return found


async def received_between(
    connection: AsyncConnection, start: datetime, end: datetime, *, authority: str | None, legal_basis: str | None
) -> list[Directive]:
    """Those received from `start` on and before `end`."""
    c = directives.c
    wanted = [c.received_at >= start, c.received_at < end]
    wanted += [c.authority == authority] if authority is not None else []
    wanted += [c.legal_basis == legal_basis] if legal_basis is not None else []
    rows = (await connection.execute(select(*c).where(*wanted).order_by(c.received_at, c.id))).mappings()
    return list(map(_directive, rows))


async def as_of(connection: AsyncConnection, found: Collection[Directive], at: datetime) -> dict[DirectiveId, Directive]:
    """Those of the directives that had been heard of by then, as they were. Only what changes by events is as of then."""
    later = {each.id: each for each in found if each.changed_at is not None and each.changed_at > at}
    was = {each.id: each for each in found if each.id not in later}
    for chunk in in_chunks(sorted(later)):
        c = directive_history.c
        statement = select(*c).where(c.directive.in_(chunk), c.changed_at <= at).order_by(c.revision)
        for row in (await connection.execute(statement)).mappings():
            was[row["directive"]] = _changed_back(later[row["directive"]], row)
    return was


async def save(connection: AsyncConnection, changed: Sequence[Directive], *, before: Mapping[DirectiveId, Directive]) -> None:
    """Stores directives at their new revisions. `before` is what the caller got from `locked`."""
    if not changed:
        return
    statement = upsert(connection, directives)
    values = {column.name: statement.excluded[column.name] for column in directives.c if column.name != "id"}
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_=values, where=statement.excluded.revision > directives.c.revision
        ),
        list(map(_row, changed)),
    )
    moved = [each for each in changed if each.id not in before or before[each.id].scope != each.scope]
    await _save_scopes(connection, moved)


async def describe(connection: AsyncConnection, received: Sequence[Directive]) -> None:
    """Adds what the receipt of each alone tells, also when it is told after later revisions."""
    if received:
        same = directives.c.id == bindparam("of_directive")
        values = {"kind": bindparam("told_kind"), "missing": bindparam("told_missing", type_=directives.c.missing.type)}
        await connection.execute(
            update(directives).where(same).values(values),
            [{"of_directive": each.id, "told_kind": each.kind, "told_missing": list(each.missing)} for each in received],
        )


async def lapse_at(connection: AsyncConnection, learnt: Mapping[DirectiveId, datetime]) -> None:
    """Adds when directives lapse, also when that is told after later revisions. What is known stays."""
    if learnt:
        unknown = and_(directives.c.id == bindparam("of_directive"), directives.c.lapses_at.is_(None))
        await connection.execute(
            update(directives).where(unknown).values(lapses_at=bindparam("told_at", type_=directives.c.lapses_at.type)),
            [{"of_directive": id_, "told_at": at} for id_, at in sorted(learnt.items())],
        )


async def archive(connection: AsyncConnection, past: Sequence[Directive]) -> None:
    """Adds past revisions; one that is there already stays as it is."""
    if past:
        rows = [
            {
                "directive": each.id,
                "revision": each.revision,
                "status": each.status,
                "due_at": each.due_at,
                "counts": asdict(each.counts),
                "changed_at": each.changed_at,
            }
            for each in past
        ]
        await connection.execute(upsert(connection, directive_history).on_conflict_do_nothing(), rows)


async def _save_scopes(connection: AsyncConnection, changed: Sequence[Directive]) -> None:
    ids = [directive.id for directive in changed]
    await connection.execute(delete(directive_scopes).where(directive_scopes.c.directive.in_(ids)))
    rows = [{"directive": each.id, "jurisdiction": place} for each in changed for place in sorted(each.scope)]
    if rows:
        await connection.execute(insert(directive_scopes), rows)


def _row(directive: Directive) -> dict[str, Any]:
    return {
        "id": directive.id,
        "revision": directive.revision,
        "jurisdictions": list(directive.jurisdictions),
        "legal_basis": directive.legal_basis,
        "status": directive.status,
        "issued_at": directive.issued_at,
        "received_at": directive.received_at,
        "due_at": directive.due_at,
        "counts": asdict(directive.counts),
        "changed_at": directive.changed_at,
        "authority": directive.authority,
        "reference": directive.reference,
        "kind": directive.kind,
        "channel": directive.channel,
        "sealed": directive.sealed,
        "missing": list(directive.missing),
        "lapses_at": directive.lapses_at,
    }


def _changed_back(directive: Directive, row: RowMapping) -> Directive:
    return replace(
        directive,
        revision=row["revision"],
        status=row["status"],
        due_at=row["due_at"],
        counts=ItemCounts(**row["counts"]),
        changed_at=row["changed_at"],
    )


def _directive(row: RowMapping) -> Directive:
    return Directive(
        id=DirectiveId(row["id"]),
        revision=row["revision"],
        jurisdictions=tuple(row["jurisdictions"]),
        legal_basis=row["legal_basis"],
        status=row["status"],
        issued_at=row["issued_at"],
        received_at=row["received_at"],
        due_at=row["due_at"],
        counts=ItemCounts(**row["counts"]),
        changed_at=row["changed_at"] or row["received_at"],
        authority=row["authority"],
        reference=row["reference"],
        kind=row["kind"],
        channel=row["channel"],
        sealed=row["sealed"],
        missing=tuple(row["missing"] or ()),
        lapses_at=row["lapses_at"],
    )
