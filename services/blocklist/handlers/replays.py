"""Publishing again what was published: for readers that have lost some of it, safe at any time.

Promises
 1. Every version of each chosen key, and every event of each chosen directive, is queued with the id that it had, and in order: a
    key's versions in one transaction, under the key's lock, so that no new one comes between.
 2. What was queued and how far that is are one transaction: a replay that is interrupted goes on where it was.
 3. However much is chosen, a step reads and locks little of it.
Does not promise: the numbers that events had. They are new events of their lane, which readers have seen before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby, zip_longest
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist import outbox
from services.blocklist.domain.replay import Selector, as_stored, from_stored, has_directives, has_keys
from services.blocklist.handlers.unit import Unit
from services.blocklist.store import cases, directives, replays, withholdings
from services.blocklist.store.rows import Row
from shared.ids import DirectiveId
from shared.topics import Topics

KEYS_AT_ONCE = 500
"""Keys that are looked at, and locked, in one step."""

EVENTS_AT_ONCE = 50
"""Case events in one step: some hold a thousand items."""

COUNTED_AT_ONCE = 10_000

BEGIN_KEYS: Mapping[str, Any] = {"keys": ["", ""]}
BEGIN_DIRECTIVES: Mapping[str, Any] = {"directives": [0, 0]}
DONE: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Amount:
    keys: int = 0
    events: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What was queued, and where to go on."""

    cursor: Mapping[str, Any]
    queued: Amount


async def start(unit: Unit, selector: Selector) -> Row:
    """The replay, which whoever relays carries out step by step."""
    id_ = f"rpl_{uuid4().hex}"
    await replays.add(unit.connection, id_, as_stored(selector), BEGIN_KEYS if has_keys(selector) else BEGIN_DIRECTIVES, unit.now)
    row = await replays.find(unit.connection, id_)
    return row or {}


async def continue_one(unit: Unit) -> bool:
    """One step of the oldest replay that is not done. Whether there was one."""
    row = await replays.next_unfinished(unit.connection)
    if row is None:
        return False
    step = await _step(unit, from_stored(row["selector"]), row["cursor"])
    finished_at = unit.now if step.cursor == DONE else None
    queued = step.queued
    await replays.advance(
        unit.connection, row["id"], step.cursor, keys=queued.keys, events=queued.events, finished_at=finished_at
    )
    return True


async def count(connection: AsyncConnection, topics: Topics, selector: Selector) -> Amount:
    """How much a replay would queue, as of now."""
    keys = events = 0
    after: tuple[str, str] | None = ("", "") if has_keys(selector) else None
    while after is not None:
        found = await replays.keys_of(connection, topics, selector, after=after, limit=COUNTED_AT_ONCE)
        keys, events, after = keys + len(found.keys), events + sum(version for _, version in found.keys), found.next
    seq: int | None = 0 if has_directives(selector) else None
    while seq is not None:
        page = await replays.directives_of(connection, topics, selector, after=seq, limit=COUNTED_AT_ONCE)
        events, seq = events + await replays.count_events(connection, [id_ for _, id_ in page.directives]), page.next
    return Amount(keys, events)


async def _step(unit: Unit, selector: Selector, cursor: Mapping[str, Any]) -> Step:
    if "keys" in cursor:
        return await _keys(unit, selector, (cursor["keys"][0], cursor["keys"][1]))
    return await _directives(unit, selector, *cursor["directives"])


async def _keys(unit: Unit, selector: Selector, after: tuple[str, str]) -> Step:
    page = await replays.keys_of(unit.connection, unit.topics, selector, after=after, limit=KEYS_AT_ONCE)
    versions = await withholdings.every_version(unit.connection, [key for key, _ in page.keys])
    for each_once in zip_longest(*versions.values()):
        together = [version for version in each_once if version]
        await outbox.append_withholdings(unit.connection, unit.topics, together, unit.now)
    following = BEGIN_DIRECTIVES if has_directives(selector) else DONE
    queued = Amount(len(versions), sum(map(len, versions.values())))
    return Step({"keys": list(page.next)} if page.next else following, queued)


async def _directives(unit: Unit, selector: Selector, after: int, revision: int) -> Step:
    """Goes on with the events of the directive behind `after`, of which those up to `revision` are queued.

    Locks in the order of ids, as everybody does, and no more directives than have events enough.
    """
    page = await replays.directives_of(unit.connection, unit.topics, selector, after=after, limit=KEYS_AT_ONCE)
    some = page.directives[:EVENTS_AT_ONCE]
    await directives.locked(unit.connection, [id_ for _, id_ in some])
    left, done = EVENTS_AT_ONCE, after
    for seq, id_ in some:
        queued, last = await _events(unit, id_, revision, left)
        left, revision = left - queued, last
        if left <= 0:
            return Step({"directives": [done, revision]}, Amount(0, EVENTS_AT_ONCE - left))
        done, revision = seq, 0
    following = done if len(some) < len(page.directives) else page.next
    return Step({"directives": [following, 0]} if following else DONE, Amount(0, EVENTS_AT_ONCE - left))


async def _events(unit: Unit, id_: DirectiveId, after: int, limit: int) -> tuple[int, int]:
    """Queues the next events of a directive that is locked; how many those were, and the revision of the last."""
    found = await cases.published(unit.connection, id_, after=after, limit=limit)
    for at, events in groupby(found, key=lambda pair: pair[1]):
        await outbox.append_case_events(unit.connection, unit.topics, [event for event, _ in events], at)
    return len(found), found[-1][0].revision if found else after
