"""What was published, by its number: readers fetch here what they missed on the topics."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from services.blocklist.api.context import Context
from services.blocklist.api.seal import require_key
from services.blocklist.outbox import RELAY_TABLES
from shared.http.problems import Fault, Kind, Refusal
from shared.http.query import Limit
from shared.outbox import log
from shared.outbox.log import Event, Events, Purged
from shared.outbox.table import Lane

router = APIRouter(prefix="/v1/events", tags=["events"], dependencies=[Depends(require_key)])

_LAST = 2**53
_encode = msgspec.json.Encoder().encode


@router.get("", response_model=None)
async def list_events(
    context: Context,
    topic: Literal["withholdings", "directives"],
    partition: Annotated[int, Query(ge=0)],
    after: Annotated[int, Query(ge=0, le=_LAST)] = 0,
    limit: Limit = 100,
) -> Response:
    """The events of a partition with the numbers after `after`, contiguous, as they were sent.

    `next` is the number after which to go on, null if there is nothing more. An answer may be shorter than its limit. 410 if
    the next one is not kept any more, with the number of the `first` that is.
    """
    lane = _lane(context, topic, partition)

    async def work(connection: AsyncConnection) -> Events | Purged:
        return await log.read_after(connection, RELAY_TABLES, lane, after, limit)

    match await context.database.read(work):
        case Purged(first=first):
            raise Refusal(Kind.GONE, f"events before number {first} are not kept any more", extra={"first": first})
        case found:
            body = _encode({"items": [_item(event) for event in found.items], "next": found.next})
            return Response(body, media_type="application/json")


def _lane(context: Context, topic: str, partition: int) -> Lane:
    topics = context.topics
    if partition >= topics.partitions:
        detail = f"there are {topics.partitions} partitions, the first is 0"
        raise Refusal(Kind.INVALID, detail, (Fault(detail, parameter="partition"),))
    return Lane(topics.withholdings if topic == "withholdings" else topics.directives, partition)


def _item(event: Event) -> dict[str, Any]:
    """The value is put in as it is: who hashes it gets what was sent, byte for byte."""
    record = event.record
    return {
        "sequence": event.sequence,
        "key": record.key.decode(),
        "headers": {name: value.decode() for name, value in record.headers},
        "value": None if record.value is None else msgspec.Raw(record.value),
    }
