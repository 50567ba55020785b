"""Replays: what each is to publish again, how far it is, and the pages of keys and directives that it goes through."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.domain.replay import DirectivesOf, KeysOf, OneDirective, OneJurisdiction, OneKey, Selector
from services.blocklist.store.rows import Row, fetch_all, fetch_first
from services.blocklist.tables import case_events, directives, items, replays, withholdings
from shared.ids import DirectiveId, Key
from shared.sql import in_chunks
from shared.topics import Topics


class KeyPage(NamedTuple):
    """Keys that are chosen, each with its latest version; and after which to go on, None at the end."""

    keys: Sequence[tuple[Key, int]]
    next: tuple[str, str] | None


class DirectivePage(NamedTuple):
    """The same of directives, which have an order of their own."""

    directives: Sequence[tuple[int, DirectiveId]]
    next: int | None


async def add(
    connection: AsyncConnection, id_: str, selector: Mapping[str, Any], cursor: Mapping[str, Any], at: datetime
) -> None:
    await connection.execute(insert(replays).values(id=id_, selector=dict(selector), cursor=dict(cursor), started_at=at))


async def find(connection: AsyncConnection, id_: str) -> Row | None:
    return await fetch_first(connection, select(*replays.c).where(replays.c.id == id_))


async def page(connection: AsyncConnection, *, after: int, limit: int) -> list[Row]:
    return await fetch_all(connection, select(*replays.c).where(replays.c.seq > after).order_by(replays.c.seq).limit(limit))


async def next_unfinished(connection: AsyncConnection) -> Row | None:
    """The oldest one that is not done and that nobody else works on, locked."""
    unfinished = select(*replays.c).where(replays.c.finished_at.is_(None)).order_by(replays.c.seq)
    return await fetch_first(connection, unfinished.with_for_update(skip_locked=True))


async def advance(
    connection: AsyncConnection, id_: str, cursor: Mapping[str, Any], *, keys: int, events: int, finished_at: datetime | None
) -> None:
    """Adds what a step did. The caller holds the replay's lock."""
    done = {"keys": replays.c["keys"] + keys, "events": replays.c.events + events}
    values = {"cursor": dict(cursor), "finished_at": finished_at, **done}
    await connection.execute(update(replays).where(replays.c.id == id_).values(values))


async def keys_of(
    connection: AsyncConnection, topics: Topics, selector: Selector, *, after: tuple[str, str], limit: int
) -> KeyPage:
    """The next keys in order of target and jurisdiction, out of at most `limit` that are looked at."""
    if isinstance(selector, OneDirective):
        return await _claimed_keys(connection, selector.directive, after=after, limit=limit)
    order = (withholdings.c.target, withholdings.c.jurisdiction)
    statement = select(*order, withholdings.c.version).where(tuple_(*order) > tuple_(*after)).order_by(*order).limit(limit)
    match selector:
        case OneKey(key=key):
            statement = statement.where(withholdings.c.target == key.target, withholdings.c.jurisdiction == key.jurisdiction)
        case OneJurisdiction(jurisdiction=place):
            statement = statement.where(withholdings.c.jurisdiction == place)
        case _:
            pass
    rows = [(Key(place, target), version) for target, place, version in await connection.execute(statement)]
    here = selector.partition if isinstance(selector, KeysOf) else None
    chosen = [(key, version) for key, version in rows if here is None or topics.partition_of(str(key)) == here]
    return KeyPage(chosen, (rows[-1][0].target, rows[-1][0].jurisdiction) if len(rows) == limit else None)


async def _claimed_keys(connection: AsyncConnection, directive: DirectiveId, *, after: tuple[str, str], limit: int) -> KeyPage:
    """Of so many items of the directive, every key that they ever claimed."""
    named = items.c.directive == directive
    statement = select(items.c.target, items.c.claims).where(named, items.c.target > after[0]).order_by(items.c.target)
    rows = (await connection.execute(statement.limit(limit))).all()
    claimed = {Key(place, target) for target, claims in rows for place in claims}
    found: list[tuple[Key, int]] = []
    for chunk in in_chunks([target for target, _ in rows]):
        versions = select(withholdings.c.jurisdiction, withholdings.c.target, withholdings.c.version)
        there = await connection.execute(versions.where(withholdings.c.target.in_(chunk)))
        found += [(key, version) for place, target, version in there if (key := Key(place, target)) in claimed]
    return KeyPage(sorted(found), (rows[-1][0], "") if len(rows) == limit else None)


async def directives_of(
    connection: AsyncConnection, topics: Topics, selector: Selector, *, after: int, limit: int
) -> DirectivePage:
    """The next directives in the order of their arrival, out of at most `limit` that are looked at."""
    statement = select(directives.c.seq, directives.c.id).where(directives.c.seq > after).order_by(directives.c.seq).limit(limit)
    if isinstance(selector, OneDirective):
        statement = statement.where(directives.c.id == selector.directive)
    rows = [(seq, DirectiveId(id_)) for seq, id_ in await connection.execute(statement)]
    here = selector.partition if isinstance(selector, DirectivesOf) else None
    chosen = [(seq, id_) for seq, id_ in rows if here is None or topics.partition_of(id_) == here]
    return DirectivePage(chosen, rows[-1][0] if len(rows) == limit else None)


async def count_events(connection: AsyncConnection, ids: Sequence[DirectiveId]) -> int:
    total = 0
    for chunk in in_chunks(ids):
        total += await connection.scalar(select(func.count()).where(case_events.c.directive.in_(chunk))) or 0
    return total
