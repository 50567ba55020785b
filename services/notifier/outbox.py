"""What the notifier queues for publication: findings, each as it was found, once.

Does not promise order between findings that were not found in one transaction: each is complete in itself, and carries its time.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifier.outbound import Told, subject_of
from services.notifier.tables import outbox, relay_lanes, relay_members, system
from shared.events import encode
from shared.outbox.sql import RelayTables
from shared.outbox.table import Lane, Outbox, Row, row_of
from shared.topics import Topics

SOURCE = "/geowithhold/notifier"
OUTBOX = Outbox(outbox)
RELAY_TABLES = RelayTables(outbox=OUTBOX, lanes=relay_lanes, members=relay_members, system=system)


async def append_findings(connection: AsyncConnection, topics: Topics, found: Sequence[Told], at: datetime) -> None:
    """Queues the publication of findings."""
    await OUTBOX.append(connection, [_row(topics, each) for each in found], at)


def _row(topics: Topics, each: Told) -> Row:
    subject = subject_of(each.finding)
    record = encode(each.finding, id=each.id, source=SOURCE, subject=subject, time=each.finding.at)
    return row_of(Lane(topics.compliance, topics.partition_of(subject)), record)
