"""The new epoch reaches every lane at once.

Promises: each lane of the topics that are published gets a record under the new epoch, also one in which there is nothing yet.
From then on readers drop whatever somebody still publishes from the lost database.
"""

from services.blocklist.handlers.unit import Unit
from services.blocklist.outbox import OUTBOX, SOURCE
from shared.events import fence
from shared.outbox.table import Lane, row_of


async def fence_lanes(unit: Unit) -> int:
    """Queues a record that says nothing in every lane. Answers how many that are."""
    topics = unit.topics
    lanes = [Lane(topic, number) for topic in topics.published for number in range(topics.partitions)]
    await OUTBOX.append(unit.connection, [row_of(lane, fence(SOURCE)) for lane in lanes], unit.now)
    return len(lanes)
