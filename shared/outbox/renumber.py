"""A database that came from a backup goes on numbering its lanes above everything that was seen on its topics.

Promises: no number that a reader saw is given to anything else. Nobody holds a lane. Each lane's digest is that of what the new
epoch publishes, from here on: what came before it is checked by nobody any more.
"""

from collections.abc import Mapping

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events.chain import BEGINNING
from shared.outbox.table import Lane


async def go_on_above(connection: AsyncConnection, lanes: Table, members: Table, seen: Mapping[Lane, int]) -> dict[Lane, int]:
    """`seen` has the highest number on each lane's topic. Answers from where each lane goes on."""
    acknowledged = await connection.execute(select(lanes.c.topic, lanes.c.partition, lanes.c.published))
    last = {Lane(topic, partition): published for topic, partition, published in acknowledged}
    last |= {lane: max(number, last.get(lane, 0)) for lane, number in seen.items()}
    await connection.execute(delete(members))
    await connection.execute(delete(lanes))
    rows = [
        {
            "topic": lane.topic,
            "partition": lane.partition,
            "assigned": number,
            "published": number,
            "checkpointed": number,
            "digest": BEGINNING.hex(),
        }
        for lane, number in sorted(last.items())
    ]
    if rows:
        await connection.execute(insert(lanes), rows)
    return last
