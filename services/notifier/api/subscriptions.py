"""Who wants to be told of what, and what became of it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Response

from services.notifier.api import told
from services.notifier.api.channels import new_secret, read_channel
from services.notifier.api.context import Context, Rules
from services.notifier.api.seal import SeesSealed
from services.notifier.domain.delivery import Delivery, DeliveryState
from services.notifier.domain.subscription import EVERYTHING, SubscriptionId, Webhook
from services.notifier.handlers.subscriptions import Subscribe, find, redeliver, subscribe, unsubscribe
from services.notifier.handlers.unit import Unit
from services.notifier.schemas import SUBSCRIPTION_NAME, DeliveryOut, Page, SubscriptionIn, SubscriptionOut
from services.notifier.store import deliveries, subscriptions
from shared.events import FINDING_TYPES
from shared.http.fields import read_jurisdictions
from shared.http.pages import decode_cursor, page
from shared.http.problems import Fault, Kind, Refusal
from shared.http.query import Cursor, Limit

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

SubscriptionPath = Annotated[str, Path(pattern=SUBSCRIPTION_NAME)]

_NEWEST = 2**62
"""Comes after every delivery."""


@router.put("/{subscription_id}")
async def put_subscription(
    subscription_id: SubscriptionPath, body: SubscriptionIn, context: Context, rules: Rules, sees_sealed: SeesSealed
) -> SubscriptionOut:
    """Subscribes, or changes a subscription. A secret that is made here is shown in this answer alone."""
    made = new_secret()
    wanted = Subscribe(
        id=SubscriptionId(subscription_id),
        requested=tuple(body.jurisdictions),
        jurisdictions=read_jurisdictions(body.jurisdictions),
        events=_event_types(body.events),
        channel=read_channel(body.channel, rules),
        new_secret=made,
        sealed=body.sealed,
        sees_sealed=sees_sealed,
    )
    subscription = await context.run(lambda unit: subscribe(unit, wanted))
    is_new = isinstance(subscription.channel, Webhook) and subscription.channel.secret == made
    return told.subscription(subscription, secret=made if is_new else None)


@router.get("")
async def list_subscriptions(context: Context, limit: Limit = 100, cursor: Cursor = None) -> Page[SubscriptionOut]:
    (after,) = decode_cursor(cursor, [""])
    found = await context.ask(lambda unit: subscriptions.page(unit.connection, after=after, limit=limit + 1))
    return Page(**page(found, limit, lambda each: [each.id], told.subscription))


@router.get("/{subscription_id}")
async def show_subscription(subscription_id: SubscriptionPath, context: Context) -> SubscriptionOut:
    return told.subscription(await context.ask(lambda unit: find(unit, SubscriptionId(subscription_id))))


@router.delete("/{subscription_id}", status_code=204)
async def delete_subscription(subscription_id: SubscriptionPath, context: Context, sees_sealed: SeesSealed) -> Response:
    """What waits for it is given up."""
    await context.run(lambda unit: unsubscribe(unit, SubscriptionId(subscription_id), sees_sealed=sees_sealed))
    return Response(status_code=204)


@router.get("/{subscription_id}/deliveries")
async def list_deliveries(
    subscription_id: SubscriptionPath,
    context: Context,
    state: DeliveryState | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[DeliveryOut]:
    """The newest first."""
    (before,) = decode_cursor(cursor, [_NEWEST])

    async def work(unit: Unit) -> Sequence[Delivery]:
        of = await find(unit, SubscriptionId(subscription_id))
        return await deliveries.page(unit.connection, of.id, state=state, before=before, limit=limit + 1)

    return Page(**page(await context.ask(work), limit, lambda each: [each.seq], told.delivery))


@router.post("/{subscription_id}/deliveries/{delivery_id}/redeliver")
async def redeliver_delivery(
    subscription_id: SubscriptionPath, delivery_id: Annotated[str, Path(max_length=64)], context: Context
) -> DeliveryOut:
    """Tries a dead delivery again, under the same id; one that was part of a digest together with the rest of it."""
    return told.delivery(await context.run(lambda unit: redeliver(unit, SubscriptionId(subscription_id), delivery_id)))


def _event_types(named: Sequence[str]) -> frozenset[str]:
    """Raises Refusal that names every type which there is not."""
    faults = tuple(
        Fault(f"{name!r} is no type of event; there are {EVERYTHING}, {', '.join(FINDING_TYPES)}", pointer=f"/events/{index}")
        for index, name in enumerate(named)
        if name not in {EVERYTHING, *FINDING_TYPES}
    )
    if faults:
        raise Refusal(Kind.INVALID, f"{len(faults)} type(s) of event are not known", faults)
    return frozenset(named)
