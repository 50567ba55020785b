"""Directives: found, locked, written."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, RowMapping, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.directive import UNBLOCK, Directive, DirectiveStatus, NewDirective
from services.blocklist.domain.tally import Tally
from services.blocklist.store.rows import Row, fetch_all, fetch_first
from services.blocklist.tables import directive_scopes, directives, items
from shared.ids import DirectiveId, Jurisdiction
from shared.sql import in_chunks, upsert

_domain_columns = (
    directives.c.id,
    directives.c.status,
    directives.c.authority,
    directives.c.reference,
    directives.c.legal_basis,
    directives.c.label,
    directives.c.interim,
    directives.c.scope,
    directives.c.issued_at,
    directives.c.received_at,
    directives.c.due_at,
    directives.c.expires_at,
    directives.c.confirmed_at,
    directives.c.revision,
    directives.c.tally,
    directives.c.kind,
    directives.c.lapses_at,
    directives.c.supersedes,
    directives.c.channel,
    directives.c.sealed,
    directives.c.missing,
    directives.c.comply_at_intake,
)

_OPEN = (DirectiveStatus.IN_FORCE, DirectiveStatus.STAYED)


async def add(connection: AsyncConnection, new: NewDirective, directive: Directive) -> DirectiveId | None:
    """Stores a new directive; or answers the id of the one with the same authority and reference, once that has committed."""
    values = {
        "id": directive.id,
        "authority": new.authority,
        "reference": new.reference,
        "legal_basis": directive.legal_basis,
        "kind": new.kind,
        "status": directive.status,
        "issued_at": directive.issued_at,
        "received_at": directive.received_at,
        "requested_jurisdictions": list(new.requested_jurisdictions),
        "scope": list(directive.scope),
        "reason": new.reason,
        "due_at": directive.due_at,
        "expires_at": directive.expires_at,
        "supplements": new.supplements,
        "document": dict(new.document) if new.document else None,
        "label": directive.label,
        "user_notice": new.user_notice,
        "interim": directive.interim,
        "duplicates": new.duplicates,
        "revision": directive.revision,
        "tally": dict(directive.tally.slots),
        "lapses_at": directive.lapses_at,
        "supersedes": directive.supersedes,
        "channel": directive.channel,
        "sealed": directive.sealed,
        "elements": dict(new.elements) or None,
        "missing": list(directive.missing) or None,
        "unexamined": list(new.unexamined) or None,
        "comply_at_intake": directive.comply_at_intake,
    }
    statement = upsert(connection, directives).values(values)
    unique = [directives.c.authority, directives.c.reference]
    added = await connection.execute(statement.on_conflict_do_nothing(index_elements=unique).returning(directives.c.id))
    if added.first() is None:
        return await find_by_reference(connection, new.authority, new.reference)
    scopes = [{"jurisdiction": place, "directive": directive.id} for place in directive.scope]
    await connection.execute(insert(directive_scopes), scopes)
    return None


async def find_by_reference(connection: AsyncConnection, authority: str, reference: str) -> DirectiveId | None:
    found = await connection.execute(
        select(directives.c.id).where(directives.c.authority == authority, directives.c.reference == reference)
    )
    return found.scalar_one_or_none()


async def locked(connection: AsyncConnection, ids: Sequence[DirectiveId]) -> dict[DirectiveId, Directive]:
    """The directives that exist, locked until the transaction ends. In order of id, so that nobody waits in a circle."""
    found = await connection.execute(
        select(*_domain_columns).where(directives.c.id.in_(ids)).order_by(directives.c.id).with_for_update()
    )
    return {row["id"]: _directive(row) for row in found.mappings()}


async def save(connection: AsyncConnection, directive: Directive) -> None:
    """Writes what can change about a directive. The caller holds its lock."""
    await connection.execute(
        update(directives)
        .where(directives.c.id == directive.id)
        .values(
            status=directive.status,
            confirmed_at=directive.confirmed_at,
            lapses_at=directive.lapses_at,
            supersedes=directive.supersedes,
            missing=list(directive.missing) or None,
            revision=directive.revision,
            tally=dict(directive.tally.slots),
        )
    )


async def add_elements(connection: AsyncConnection, id_: DirectiveId, more: Mapping[str, str]) -> None:
    """Keeps elements of the order that came later, beside or instead of those given before. The caller holds its lock."""
    if more:
        given = await connection.scalar(select(directives.c.elements).where(directives.c.id == id_))
        merged = {**(given or {}), **more}
        await connection.execute(update(directives).where(directives.c.id == id_).values(elements=merged))


async def revisions(connection: AsyncConnection, ids: Collection[DirectiveId]) -> dict[DirectiveId, int]:
    """The last revision of each of these directives that there is."""
    found: dict[DirectiveId, int] = {}
    for chunk in in_chunks(sorted(ids)):
        statement = select(directives.c.id, directives.c.revision).where(directives.c.id.in_(chunk))
        found.update({row.id: row.revision for row in await connection.execute(statement)})
    return found


async def exists(connection: AsyncConnection, id_: DirectiveId, *, authority: str) -> bool:
    found = await connection.execute(select(directives.c.id).where(directives.c.id == id_, directives.c.authority == authority))
    return found.first() is not None


async def is_sealed(connection: AsyncConnection, id_: DirectiveId) -> bool:
    found = await connection.execute(select(directives.c.id).where(directives.c.id == id_, directives.c.sealed))
    return found.first() is not None


@dataclass(frozen=True, slots=True)
class Outline:
    """What must be known of a directive to know which others have to be locked with it. Only `supersedes` can change."""

    authority: str
    unblocks: bool
    supersedes: DirectiveId | None


async def outline(connection: AsyncConnection, id_: DirectiveId) -> Outline | None:
    columns = (directives.c.authority, directives.c.kind, directives.c.supersedes)
    row = (await connection.execute(select(*columns).where(directives.c.id == id_))).first()
    return Outline(row.authority, row.kind == UNBLOCK, row.supersedes) if row else None


async def predecessors(connection: AsyncConnection, newest: DirectiveId | None) -> list[DirectiveId]:
    """The directive, the one that it supersedes, and so on; as of now and without a lock."""
    found: list[DirectiveId] = []
    while newest is not None:
        found.append(newest)
        newest = await connection.scalar(select(directives.c.supersedes).where(directives.c.id == newest))
    return found


async def successor(connection: AsyncConnection, id_: DirectiveId) -> DirectiveId | None:
    """The directive that is taking its place: one that supersedes it and has not ended. The caller holds the old one's lock."""
    open_or_waiting = (*_OPEN, DirectiveStatus.AWAITING_CLARIFICATION)
    statement = select(directives.c.id).where(directives.c.supersedes == id_, directives.c.status.in_(open_or_waiting))
    found: DirectiveId | None = await connection.scalar(statement.limit(1))
    return found


async def of_authority(connection: AsyncConnection, ids: Collection[DirectiveId], authority: str) -> list[DirectiveId]:
    """Those of the directives that the authority has issued."""
    found: list[DirectiveId] = []
    for chunk in in_chunks(sorted(ids)):
        statement = select(directives.c.id).where(directives.c.id.in_(chunk), directives.c.authority == authority)
        found += (await connection.execute(statement)).scalars()
    return found


async def details(connection: AsyncConnection, id_: DirectiveId) -> Row | None:
    """Everything that is known of a directive but its items."""
    return await fetch_first(connection, _all_columns().where(directives.c.id == id_))


async def page(connection: AsyncConnection, filters: Mapping[str, Any], *, after: int, limit: int) -> list[Row]:
    """Directives in the order of their arrival. `filters` names columns, `jurisdiction` or an item `decision`."""
    statement = _all_columns().where(directives.c.seq > after).order_by(directives.c.seq).limit(limit)
    for name, value in filters.items():
        statement = _filtered(statement, name, value)
    return await fetch_all(connection, statement)


async def due_to_expire(connection: AsyncConnection, now: datetime, limit: int) -> list[DirectiveId]:
    """Directives whose end has come and that are still open."""
    return await _due(connection, directives.c.expires_at, now, limit)


async def due_to_lapse(connection: AsyncConnection, now: datetime, limit: int) -> list[DirectiveId]:
    """Interim directives whose time to be confirmed is up, that are still open and of which not all was confirmed."""
    return await _due(connection, directives.c.lapses_at, now, limit)


async def _due(connection: AsyncConnection, instant: Column[datetime], now: datetime, limit: int) -> list[DirectiveId]:
    found = await connection.execute(
        select(directives.c.id).where(instant <= now, directives.c.status.in_(_OPEN)).order_by(instant).limit(limit)
    )
    return list(found.scalars())


def _filtered(statement: Select[Any], name: str, value: Any) -> Select[Any]:
    match name:
        case "jurisdiction":
            scoped = select(directive_scopes.c.directive).where(directive_scopes.c.jurisdiction == value)
            return statement.where(directives.c.id.in_(scoped))
        case "decision":
            decided = select(items.c.directive).where(items.c.state.in_(_states(value)))
            return statement.where(directives.c.id.in_(decided))
        case _:
            return statement.where(directives.c[name] == value)


def _states(decision: str) -> tuple[str, ...]:
    return ("released", "ended") if decision == "released" else (decision,)


def _all_columns() -> Select[Any]:
    return select(*directives.c)


def _directive(row: RowMapping) -> Directive:
    values = dict(row)
    return Directive(
        **{
            **values,
            "status": DirectiveStatus(values["status"]),
            "scope": tuple(map(Jurisdiction, values["scope"])),
            "tally": Tally(values["tally"]),
            "missing": tuple(values["missing"] or ()),
        }
    )
