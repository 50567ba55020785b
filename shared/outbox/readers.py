"""How far a group of readers has come, as the broker knows it."""

import asyncio
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient

from shared.kafka import REQUEST_TIMEOUT_MS
from shared.logs import get_logger
from shared.outbox.table import Lane

log = get_logger(__name__)

WITHIN = 2 * REQUEST_TIMEOUT_MS / 1000


async def group_offsets(bootstrap: str, group: str) -> Mapping[Lane, int]:
    """The offset that the group would read next, by lane. Nothing if the broker is away, or is one that cannot tell."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await asyncio.wait_for(admin.start(), WITHIN)
        found = await asyncio.wait_for(admin.list_consumer_group_offsets(group), WITHIN)
    except Exception as error:  # noqa: BLE001 (whatever it is, it is not known how far the group is)
        log.info("group_offsets_unknown", group=group, error=repr(error))
        return {}
    finally:
        await admin.close()
    return {Lane(place.topic, place.partition): known.offset for place, known in found.items() if known.offset >= 0}
