"""The new epoch reaches every lane at once.

Promises: each lane in which there is something gets an event under the new epoch, if only one that readers have already. From
then on they drop whatever somebody still publishes from the lost database.
"""

from sqlalchemy import select

from services.blocklist.handlers.unit import Unit
from services.blocklist.outbox import append_case_events, append_withholdings
from services.blocklist.store import cases, directives, withholdings
from services.blocklist.tables import outbox
from shared.ids import Jurisdiction, Key, Target
from shared.outbox.table import Lane

AT_A_TIME = 1000


async def fence(unit: Unit) -> int:
    """Queues the last state of some key or directive again in each lane where nothing waits. Answers in how many."""
    waiting = select(outbox.c.topic, outbox.c.partition).where(outbox.c.published_at.is_(None)).distinct()
    fenced = {Lane(topic, partition) for topic, partition in await unit.connection.execute(waiting)}
    return await _fence_keys(unit, fenced) + await _fence_directives(unit, fenced)


async def _fence_keys(unit: Unit, fenced: set[Lane]) -> int:
    """Reads keys in their order until every lane has one: soon, unless there are hardly any."""
    open_ = _open(unit, unit.topics.withholdings, fenced)
    last, queued = Key(Jurisdiction(""), Target("")), 0
    while open_:
        found = await withholdings.in_order(unit.connection, after=last, limit=AT_A_TIME)
        chosen = {unit.topics.partition_of(str(version.key)): version for version in found}
        some = [version for partition, version in chosen.items() if partition in open_]
        await append_withholdings(unit.connection, unit.topics, some, unit.now)
        queued += len(some)
        open_ -= chosen.keys()
        if len(found) < AT_A_TIME:
            break
        last = found[-1].key
    return queued


async def _fence_directives(unit: Unit, fenced: set[Lane]) -> int:
    open_ = _open(unit, unit.topics.directives, fenced)
    last, queued = 0, 0
    while open_:
        found = await directives.ids_in_order(unit.connection, after=last, limit=AT_A_TIME)
        chosen = {unit.topics.partition_of(id_): id_ for _, id_ in found}
        some = [id_ for partition, id_ in chosen.items() if partition in open_]
        for last_event in [await cases.last_event(unit.connection, id_) for id_ in some]:
            if last_event:
                event, at = last_event
                await append_case_events(unit.connection, unit.topics, [event], at)
                queued += 1
        open_ -= chosen.keys()
        if len(found) < AT_A_TIME:
            break
        last = found[-1][0]
    return queued


def _open(unit: Unit, topic: str, fenced: set[Lane]) -> set[int]:
    return {number for number in range(unit.topics.partitions) if Lane(topic, number) not in fenced}
